# METADATA
# title: Images
# description: What the images of the workloads say about a path of the policy.
# scope: package
package hauberk.lib.images

_tables := [table |
	some image in input.images
	names := {name.pointer: name | some name in image.names}
	table := {"image": image.image, "names": names}
]

# What each image says about the path at the pointer, with the image's name.
at(pointer) := [item |
	some table in _tables
	name := table.names[pointer]
	item := object.union(name, {"image": table.image})
]

# The image of every workload is known: what they agree on is so everywhere.
complete if every image in input.images {
	image.complete
}
