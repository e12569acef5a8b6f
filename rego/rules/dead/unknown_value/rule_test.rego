package hauberk.rules.dead.unknown_value_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.dead.unknown_value

_found(rules) := found if {
	found := unknown_value.violation with input as fixtures.with_rules(rules)
}

test_bad_protocol if {
	found := _found([fixtures.revalued(fixtures.protocol(0, "xtcp"), {"known": false, "nearest": "tcp"})])
	some v in found
	count(found) == 1
	v.id == "HB213"
	v.pointer == "/spec/network/matchProtocols/0/protocol"
	v.message == "xtcp is no protocol: it matches nothing"
	v.hint == "did you mean tcp?"
	v.fix == {"safety": "safe", "edits": [{"op": "replace", "pointer": v.pointer, "value": "tcp"}]}
}

test_bad_listed_has_no_fix if {
	some v in _found([fixtures.allow(fixtures.revalued(fixtures.protocol(0, "xtcp"), {"known": false, "listed": true, "nearest": "tcp"}))])
	contains(v.message, "turns the allow-list on")
	not v.fix
}

test_bad_capability if {
	some v in _found([fixtures.revalued(fixtures.capability(0, "foo_kill"), {"known": false})])
	v.message == "foo_kill is no capability: KubeArmor takes it for chown, hauberk matches nothing"
	contains(v.hint, "capabilities(7)")
}

test_bad_capital_prefix if {
	found := _found([fixtures.capability(0, "CAP_net_raw")])
	some v in found
	count(found) == 1
	v.model == "kubearmor"
	v.message == "KubeArmor does not know CAP_net_raw and takes it for chown"
	v.fix.edits[0].value == "net_raw"
}

test_bad_unknown_to_kubearmor_only if {
	some v in _found([fixtures.capability(0, "checkpoint_restore")])
	v.model == "kubearmor"
	not v.fix
}

test_bad_preset if {
	preset := fixtures.preset(0, "protectenv", "Block")
	wrong := object.union(preset, {"name": {"known": false, "nearest": "protectEnv"}})
	found := unknown_value.violation with input as fixtures.policy({"presets": [wrong]})
	some v in found
	v.pointer == "/spec/presets/0/name"
	contains(v.message, "protectenv is no preset")
	v.fix.edits[0].value == "protectEnv"
}

test_bad_comma_list if {
	rule := fixtures.changed(fixtures.revalued(fixtures.protocol(1, "udp"), {"listed": true}), {"commaIgnored": true})
	some v in _found([fixtures.protocol(0, "tcp"), rule])
	v.model == "kubearmor"
	v.pointer == "/spec/network/matchProtocols/1/protocol"
	contains(v.message, "one unknown word, which matches nothing")
}

test_good if {
	count(_found([
		fixtures.protocol(0, "TCP"),
		fixtures.capability(0, "net_raw"),
		fixtures.domain(0, "example.org"),
	])) == 0
}

test_near_miss_small_prefix_and_upper_case if {
	count(_found([fixtures.capability(0, "cap_net_raw"), fixtures.capability(1, "NET_RAW")])) == 0
}

test_near_miss_comma_list_for_hauberk if {
	rule := fixtures.changed(fixtures.revalued(fixtures.protocol(1, "udp"), {"listed": true}), {"commaIgnored": true})
	count(unknown_value.violation) == 0 with input as fixtures.only(fixtures.with_rules([rule]), "hauberk")
}
