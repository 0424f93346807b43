import numpy as np
import pytest

from tools.demo_county import products
from tools.demo_county.products import Build, LayerInfo, Setting, VectorLayer


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch):
    monkeypatch.setattr(products, "_PRODUCTS", {})


def test_a_new_layer_names_what_it_needs_and_nothing_else_changes():
    made = []

    @products.product
    def first(setting):
        made.append("first")
        return setting.rng("first").random()

    @products.layer(LayerInfo("extra", "EXTRA", "新图层"))
    def second(setting, first):
        made.append("second")
        return VectorLayer("point", np.array([]), {}, {"value": [first]})

    build = Build(Setting(1, 10))
    assert build.get("second").columns["value"] == [build.get("first")]
    assert made == ["first", "second"]


def test_a_circle_is_a_bug():
    @products.product
    def one(two):
        return two

    @products.product
    def two(one):
        return one

    with pytest.raises(AssertionError, match="depend on each other"):
        Build(Setting(1, 10)).get("one")


def test_random_numbers_are_each_products_own():
    setting = Setting(1, 10)
    assert setting.rng("a").random() == setting.rng("a").random()
    assert setting.rng("a").random() != setting.rng("b").random()
