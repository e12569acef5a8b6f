package hauberk.lib.accesses_test

import data.hauberk.lib.accesses

test_sentence if {
	accesses.sentence({"op": "exec", "target": "/usr/bin/ls", "source": "/usr/bin/bash"}) == "/usr/bin/bash runs /usr/bin/ls"
	accesses.sentence({"op": "network", "target": "stream protocol 6", "source": null}) == "a program uses stream protocol 6"
}

test_models if {
	accesses.models(["hauberk", "kubearmor"]) == "both" with input as {"target": ["kubearmor", "hauberk"]}
	accesses.models(["hauberk", "kubearmor"]) == "kubearmor" with input as {"target": ["kubearmor"]}
}

test_rule_name if {
	accesses.rule_name({"policy": "p", "rule": "file.matchPaths[0]"}, true) == "file.matchPaths[0]"
	accesses.rule_name({"policy": "p", "rule": "file.matchPaths[0]"}, false) == "p (file.matchPaths[0])"
}
