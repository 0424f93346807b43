from eval.retrieval_fit.related_words import learn_related, log_likelihood


def test_words_that_go_together_are_learned_and_others_are_not():
    filler = [f"第{n}个无关问题涉及道路桥梁" for n in range(400)]
    questions = ["征地款什么时候到账"] * 8 + filler  # 4 % would be too frequent with fewer others
    endings = ["给被征地农民", "后方可交地", "不得拖欠", "并存入专户"] * 2
    clauses = [[f"土地补偿费应当及时足额支付{end}"] for end in endings] + [["道路桥梁的养护"]] * 400
    table = learn_related(questions, clauses)
    assert "补偿费" in {other for other, _ in table["征地"]}
    assert "桥梁" not in table


def test_one_clause_asked_about_often_is_no_usage():
    questions = ["征地款什么时候到账"] * 8 + ["道路桥梁"] * 400
    clauses = [["土地补偿费应当及时足额支付"]] * 8 + [["道路桥梁的养护"]] * 400
    assert "征地" not in learn_related(questions, clauses)


def test_independent_words_have_no_ratio():
    assert abs(log_likelihood(25, 50, 50, 100)) < 1e-9
    assert log_likelihood(50, 50, 50, 100) > 100
