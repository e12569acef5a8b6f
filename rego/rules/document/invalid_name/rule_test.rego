package hauberk.rules.document.invalid_name_test

import data.hauberk.lib.fixtures
import data.hauberk.rules.document.invalid_name

_found(name) := found if {
	found := invalid_name.violation with input as fixtures.policy({"name": name})
}

test_bad_upper_case if {
	some v in _found("Block Shadow_file")
	v.id == "HB106"
	v.pointer == "/metadata/name"
	startswith(v.message, "Block Shadow_file is not a valid name")
	v.hint == "write block-shadow-file"
}

test_bad_missing if {
	some v in _found(null)
	v.message == "metadata.name is missing or not text"
}

test_bad_forms if {
	every name in ["-a", "a-", "a..b", "a.-b", "é", "", concat("", [x | some _ in numbers.range(1, 254); x := "a"])] {
		count(_found(name)) == 1
	}
}

test_good if {
	every name in ["a", "block-shadow", "v1.2-x", concat("", [x | some _ in numbers.range(1, 253); x := "a"])] {
		count(_found(name)) == 0
	}
}

test_near_miss_no_metadata if {
	problems := [
		fixtures.problem("null", "/metadata", "metadata is given without a value (null)", {}),
		fixtures.problem("schema", "", "metadata is missing in the document", {"keyword": "required", "name": "metadata"}),
		fixtures.problem("schema", "/metadata", "metadata must be of type object", {"keyword": "type"}),
	]
	every problem in problems {
		document := fixtures.changed(fixtures.policy({"name": null}), {"problems": [problem]})
		count(invalid_name.violation) == 0 with input as document
	}
	other := fixtures.problem("schema", "", "kind is missing", {"keyword": "required", "name": "kind"})
	count(invalid_name.violation) == 1 with input as fixtures.changed(fixtures.policy({"name": null}), {"problems": [other]})
}

test_near_miss_no_policy if {
	count(invalid_name.violation) == 0 with input as fixtures.facts({"subject": "file"})
}
