from odestack.studies import cost


def test_wiring_does_not_change_what_is_counted():
    for _, networks in cost.table(width=16, depths=(26, 98)).groupby("depth"):
        assert networks["scheme"].tolist() == ["euler", "midpoint", "heun3", "rk4"]
        for column in ("parameters", "macs", "evaluations"):
            assert len(set(networks[column])) == 1


def test_the_articles_arithmetic():
    rows = cost.table(width=64, depths=(50,)).set_index("scheme")
    arithmetic = rows.arithmetic.to_dict()
    assert (arithmetic["euler"], arithmetic["midpoint"]) == ("2 + 2 × 24", "2 + 4 × 12")
    assert arithmetic["rk4"] == "2 + 8 × 6"
    # by hand: stem 3·64·9, 48 layers of 64·64·9, 50 batch norms of 2·64, head 64·10 + 10
    assert set(rows.parameters) == {1728 + 48 * 36864 + 50 * 128 + 650}
    # by hand: 16 x 16 positions after the stem's stride
    assert set(rows.macs) == {256 * (1728 + 48 * 36864) + 640}


def test_additions_are_reported_and_differ():
    rows = cost.table(width=16, depths=(26,)).set_index("scheme")
    # nonzero coefficients of A and b, times blocks: 1·12, 2·6, 4·4, 7·3
    assert rows.axpys.to_dict() == {"euler": 12, "midpoint": 12, "heun3": 16, "rk4": 21}


def test_nothing_is_trained():
    assert cost.jobs("cpu") == []
