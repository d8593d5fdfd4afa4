import { Dialog } from "./Dialog.tsx"
import { closeDialog, dialog } from "./dialogs.ts"
import { attempt } from "./problems.ts"

export const ConfirmDialog = () => {
  const open = dialog.value
  if (open?.name !== "confirm") return null
  const { act, answer, text } = open.question
  const confirmed = (): void => {
    closeDialog()
    void attempt(act)
  }
  return (
    <Dialog title={text} class="confirm">
      <footer class="dialog-foot">
        <button type="button" onClick={closeDialog}>
          Cancel
        </button>
        <button type="button" class="primary" onClick={confirmed}>
          {answer}
        </button>
      </footer>
    </Dialog>
  )
}
