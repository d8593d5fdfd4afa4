/** Dark or light: as the system has it, unless somebody has chosen otherwise in this browser. */
import { effect, signal } from "@preact/signals"

export type Theme = "system" | "light" | "dark"

const KEY = "theme"

const stored = localStorage.getItem(KEY)

export const theme = signal<Theme>(stored === "light" || stored === "dark" ? stored : "system")

effect(() => {
  if (theme.value === "system") {
    delete document.documentElement.dataset["theme"]
    localStorage.removeItem(KEY)
  } else {
    document.documentElement.dataset["theme"] = theme.value
    localStorage.setItem(KEY, theme.value)
  }
})
