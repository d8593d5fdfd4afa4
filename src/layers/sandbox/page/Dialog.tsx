/** A dialog of the browser: it keeps the focus, closes with Esc, and gives the focus back. */
import type { ComponentChildren } from "preact"
import { useEffect, useRef } from "preact/hooks"
import { closeDialog } from "./dialogs.ts"
import { Icon } from "./Icon.tsx"

export const Dialog = (props: {
  readonly title: string
  readonly class: string
  readonly children: ComponentChildren
}) => {
  const element = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const opened = element.current
    opened?.showModal()
    return () => opened?.close()
  }, [])
  const onClick = (event: MouseEvent): void => {
    if (event.target === element.current) closeDialog()
  }
  return (
    <dialog ref={element} class={props.class} aria-labelledby="dialog-title" onClose={closeDialog} onClick={onClick}>
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id="dialog-title">{props.title}</h2>
          <button type="button" class="quiet" aria-label="Close" onClick={closeDialog}>
            <Icon name="close" />
          </button>
        </header>
        {props.children}
      </div>
    </dialog>
  )
}
