// Before a commit: what is staged is formatted and linted. Types are checked as a whole, for a change in one file shows
// in others.
export default {
  "*": "oxfmt --no-error-on-unmatched-pattern",
  "*.{ts,tsx,mts,js,mjs,jsx}": "oxlint --deny-warnings --no-error-on-unmatched-pattern",
  "{*.{ts,tsx,mts},tsconfig*.json,package.json}": () => "npm run --silent lint:types"
}
