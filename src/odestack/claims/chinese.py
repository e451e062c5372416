"""The claims and the verdicts in Chinese, for the summary in that language."""

from odestack.claims.rules.depth import ARTICLE_GAINS
from odestack.claims.verdicts import INCONCLUSIVE, NOT_REPRODUCED, NOT_RUN, REPRODUCED

WORDS = {
    REPRODUCED: "复现",
    NOT_REPRODUCED: "未复现",
    INCONCLUSIVE: "在本规模下无定论",
    NOT_RUN: "尚未运行",
}

CLAIMS = {
    "C1": "改变连接不增加成本：2+2×24 = 2+4×12 = 2+8×6 层，参数量与计算量相等",
    "C2": "普通堆叠会退化：学习率不变时，58 层不如 30 多层",
    "C3": "深度足够时，准确率随阶数上升",
    "C4": "差距在浅层很小，随深度增大",
    "C5": "100 层左右只有四阶仍在提升，二阶与三阶停滞",
    "C6": "大学习率拖慢深层普通堆叠的早期收敛，高阶堆叠则不受影响",
    "C7": "在普通堆叠梯度爆炸的设置下，高阶堆叠仍能训练",
    "C8": "把下采样从 Conv(3,64) 移到第一个 Conv(64,64) 层，普通堆叠波动大，高阶堆叠波动小",
    "C9": "嵌套高阶块：早期更快，最终没有差别",
    "C10": "由嵌入对的误差估计调节系数：没有找到好的规则",
    "C11": "用小于 1 的系数抑制状态，给普通堆叠带来的提升最方便也最明显",
    "C12": "在十种方法上，准确率随阶数上升",
    "C13": "U-Net 有提升，Transformer 没有",
    "C14": "RepVGG 在二阶有提升，更高阶没有",
    "C15": "（猜想）阶数越高，损失曲面越平滑",
    "C16": "神经 ODE：同一容差下高阶求解器更好，但计算次数多得多",
    "C17": "每个分支两到三层最好，多了少了都会下降",
    "C18": "四阶" + "，".join(f"在 {depth} 层提升 {gain} 个百分点" for depth, gain in ARTICLE_GAINS.items()),
    "C19": "LM-ResNet（线性多步法）是同一观点的另一个成果",
    "C20": "调节学习率或延长训练可以消除普通堆叠的退化",
    "C21": "极深的普通堆叠会失败，四阶只是失败得更晚",
}
"""The claims, by id."""
