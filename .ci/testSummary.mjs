// Prints the closing line of a test run from vitest's JSON report, and fails when a test was skipped.
import { readFileSync } from "node:fs"

const report = JSON.parse(readFileSync(process.argv[2], "utf8"))
const skipped = report.numPendingTests + report.numTodoTests
for (const file of report.testResults) {
  for (const test of file.assertionResults) {
    if (test.status !== "passed" && test.status !== "failed")
      process.stderr.write(`skipped: ${file.name}: ${test.fullName}\n`)
  }
}
process.stdout.write(`${report.numPassedTests} passed, ${report.numFailedTests + skipped} failed\n`)
process.exitCode = report.numFailedTests + skipped === 0 && report.numPassedTests > 0 ? 0 : 1
