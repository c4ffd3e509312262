import pytest

from kcpcache.apimachinery import errors, labels

FLAVOUR = {"tier": "gold", "region": "eu", "size": "12"}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True),
        ("tier=gold", True),
        ("tier==gold,region!=us", True),
        ("tier=silver", False),
        ("tier in (gold, silver)", True),
        ("tier notin (gold)", False),
        ("absent notin (gold)", True),
        ("absent!=gold", True),
        ("absent=", False),
        ("tier,!absent", True),
        ("!tier", False),
        ("size>10,size<13", True),
        ("size>12", False),
        ("tier>1", False),
        ("in in (in,notin)", False),
        ("tier in (,gold)", True),
        ("absent in (,)", False),
        (" tier = gold ", True),
    ],
)
def test_query_form_selects(text: str, selected: bool) -> None:
    assert labels.parse(text).matches(FLAVOUR) is selected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a=b,", "found '', expected: identifier after ','"),
        ("=b", "found '=', expected: !, identifier, or 'end of string'"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("a==(", "unable to parse requirement: found '(', expected: identifier"),
        (
            "a in ()",
            (
                "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators, "
                "values set can't be empty"
            ),
        ),
        (
            "a>x",
            (
                "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, "
                "the value must be an integer"
            ),
        ),
    ],
)
def test_bad_query_form_is_refused_in_kubernetes_words(text: str, message: str) -> None:
    with pytest.raises(errors.BadRequest) as caught:
        labels.parse(text)
    assert caught.value.message == message


@pytest.mark.parametrize("text", ["a/b/c=d", "-a=b", "a=b_", "a=" + "x" * 64, "a=é", "x" * 64])
def test_bad_keys_and_values_are_refused(text: str) -> None:
    with pytest.raises(errors.BadRequest, match=r"unable to parse requirement: .*Invalid value"):
        labels.parse(text)


def test_canonical_text_sorts_keys_and_values_and_reads_back() -> None:
    selector = labels.parse("z notin (b,a,a),!y,x in (q),w!=1,v,u>3,t==2")
    assert str(selector) == "t==2,u>3,v,w!=1,x in (q),!y,z notin (a,b)"
    assert labels.parse(str(selector)) == selector


@pytest.mark.parametrize("selector", [None, {}, {"matchLabels": {}}, {"matchExpressions": None}])
def test_empty_label_selector_selects_everything(selector: dict[str, object] | None) -> None:
    assert labels.from_label_selector(selector).is_everything
    assert labels.from_label_selector(selector).matches({})


def test_label_selector_is_a_conjunction() -> None:
    selector = labels.from_label_selector(
        {
            "matchLabels": {"tier": "gold"},
            "matchExpressions": [
                {"key": "region", "operator": "In", "values": ["us", "eu"]},
                {"key": "size", "operator": "NotIn", "values": ["1"]},
                {"key": "tier", "operator": "Exists"},
                {"key": "absent", "operator": "DoesNotExist"},
            ],
        }
    )
    assert str(selector) == "!absent,region in (eu,us),size notin (1),tier=gold,tier"
    assert selector.matches(FLAVOUR)
    assert not selector.matches({**FLAVOUR, "absent": ""})
    assert not selector.matches({**FLAVOUR, "region": "ap"})


@pytest.mark.parametrize(
    ("selector", "field", "message"),
    [
        ({"tier": "gold"}, "s.tier", 'Invalid value: "tier": unknown field'),
        ({"matchLabels": {"a b": "c"}}, "s.matchLabels", 'Invalid value: "a b": name part must consist'),
        ({"matchLabels": {"a": 1}}, "s.matchLabels", "must be a map of strings"),
        (
            {"matchExpressions": [{"key": "a", "operator": "In"}]},
            "s.matchExpressions[0].values",
            "Required value: must be specified when `operator` is 'In' or 'NotIn'",
        ),
        (
            {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]},
            "s.matchExpressions[0].values",
            "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        ),
        (
            {"matchExpressions": [{"key": "a", "operator": "in", "values": ["b"]}]},
            "s.matchExpressions[0].operator",
            'Invalid value: "in": not a valid selector operator',
        ),
        ({"matchExpressions": [{"operator": "Exists"}]}, "s.matchExpressions[0].key", "Required value"),
        ({"matchExpressions": {}, "matchLabels": []}, "", ""),
        ([], "s", "Invalid value: []: must be an object"),
    ],
)
def test_label_selector_is_validated(selector: object, field: str, message: str) -> None:
    causes = labels.validate_label_selector(selector, "s")
    if not field:
        assert causes == []
    else:
        assert [cause.field for cause in causes] == [field]
        assert message in causes[0].message


def test_invalid_label_selector_never_becomes_a_selector() -> None:
    with pytest.raises(errors.Invalid):
        labels.from_label_selector({"matchlabels": {"a": "b"}})
