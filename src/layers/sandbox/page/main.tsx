/** The inbox in the browser. What it shows it asks of the REST API; RequestGuard.ts says who else may. */
import { render } from "preact"
import { App } from "./App.tsx"
import { start } from "./sandbox.ts"
import "./styles/tokens.css"
import "./styles/controls.css"
import "./styles/layout.css"
import "./styles/list.css"
import "./styles/message.css"
import "./styles/dialogs.css"

const root = document.getElementById("app")
if (root !== null) {
  start()
  render(<App />, root)
}
