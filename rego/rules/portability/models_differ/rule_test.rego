package hauberk.rules.portability.models_differ_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.portability.models_differ

_document := fixtures.changed(
	fixtures.with_rules([fixtures.path("file", 0, "/etc/x")]),
	{"parted": [{
		"pointer": "/spec/file/matchPaths/0",
		"rule": "file.matchPaths[0]",
		"workload": "Pod/shop/web/web",
		"access": {"op": "modify", "target": "/etc/x", "source": "/usr/bin/other"},
		"hauberk": {"verdict": "denied", "place": null},
		"kubearmor": {"verdict": "allowed", "place": fixtures.place("sample", "file.matchPaths[0]")},
	}]},
)

test_bad if {
	found := models_differ.violation with input as _document
	some v in found
	v.id == "HB608"
	v.message == concat("", [
		"the models part when /usr/bin/other removes or renames /etc/x: kubearmor says allowed by ",
		"file.matchPaths[0], hauberk says denied as no rule decides",
	])
}

test_good_alike if {
	count(models_differ.violation) == 0 with input as fixtures.changed(_document, {"parted": []})
}

test_near_miss_one_model_asked if {
	count(models_differ.violation) == 0 with input as fixtures.only(_document, "kubearmor")
}
