"""The built-in rules: Rego sources, `policy.wasm` compiled from them, `catalogue.json` with METADATA and pages."""
