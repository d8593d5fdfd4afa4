import { Dialog } from "./Dialog.tsx"
import { dialog } from "./dialogs.ts"
import { FirstMail } from "./FirstMail.tsx"

export const FirstMailDialog = () =>
  dialog.value?.name === "first-mail" ? (
    <Dialog title="Send a mail here" class="first-mail">
      <FirstMail titled={false} />
    </Dialog>
  ) : null
