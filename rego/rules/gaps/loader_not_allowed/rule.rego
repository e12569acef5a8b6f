# METADATA
# title: loader-not-allowed
# description: |
#   A program may run, but its ELF interpreter or a library that it needs cannot be opened under the file
#   rules of the same workload, so the start fails.
# scope: package
# related_resources:
#   - ref: https://github.com/hauberk/hauberk/blob/main/docs/rules/HB405.md
# schemas:
#   - input: schema.facts
# custom:
#   id: HB405
#   severity: error
#   models: [kubearmor, hauberk]
#   needs: image
#   fix: none
#   recommended_action: Allow reading the ELF interpreter and the libraries, with readOnly.
package hauberk.rules.gaps.loader_not_allowed

import data.hauberk.lib.text

violation contains v if {
	some image in input.images
	some item in image.loaders
	v := object.union(
		{
			"id": "HB405",
			"pointer": item.pointer,
			"message": _message(item),
			"hint": _hint(item),
		},
		_severity(item.posture),
	)
}

_message(item) := $"{program} may run, but the file rules for {workload} deny opening {files}{rule}: it does not start" if {
	item.posture == "block"
	program := item.program
	workload := item.workload
	files := _files(item)
	rule := _by(item.rule)
} else := $"{program} may run, but the file allow-list for {workload} lacks {files}: under posture block it would not start" if {
	program := item.program
	workload := item.workload
	files := _files(item)
}

_by(null) := ""

_by(rule) := $" ({rule})" if not is_null(rule)

_files(item) := _libraries(item.files) if is_null(item.interpreter)

_files(item) := $"its ELF interpreter {interpreter}" if {
	interpreter := item.interpreter
	not is_null(interpreter)
	count(item.files) == 1
}

_files(item) := $"its ELF interpreter {interpreter} and {libraries}" if {
	interpreter := item.interpreter
	not is_null(interpreter)
	count(item.files) > 1
	libraries := _libraries(array.slice(item.files, 1, count(item.files)))
}

_libraries(files) := $"the library {file}" if {
	count(files) == 1
	file := files[0]
}

_libraries(files) := $"the libraries {listed}" if {
	count(files) > 1
	listed := text.listing(files)
}

_hint(item) := $"allow reading what stands in {folders}, with readOnly: true" if {
	folders := text.listing(sort({folder |
		some file in item.files
		parts := split(file, "/")
		folder := concat("/", array.concat(array.slice(parts, 0, count(parts) - 1), [""]))
	}))
}

_severity("block") := {}

# Nothing fails yet.
_severity("audit") := {"severity": "warning"}
