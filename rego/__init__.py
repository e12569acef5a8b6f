"""The built-in rules: Rego sources, `policy.wasm` compiled from them, and `catalogue.json` with their METADATA and pages."""
