package hauberk.lib.text_test

import data.hauberk.lib.text

test_listing if {
	text.listing([]) == ""
	text.listing(["a"]) == "a"
	text.listing(["a", "b"]) == "a and b"
	text.listing(["a", "b", "c"]) == "a, b and c"
	text.listing(["a", "b", "c", "d", "e"]) == "a, b and 3 more"
}

test_counted if {
	text.counted(1, "rule") == "1 rule"
	text.counted(3, "rule") == "3 rules"
	text.verb_ending(1) == "s"
	text.verb_ending(2) == ""
}
