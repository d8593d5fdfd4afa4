/** Tabs and their panel, by the pattern of the WAI-ARIA practices: arrows move, one stop for the Tab key. */
import type { ComponentChildren } from "preact"
import { useLayoutEffect, useRef } from "preact/hooks"

export interface TabItem<Name extends string> {
  readonly name: Name
  readonly title: string
  /** Shown beside the title. */
  readonly count?: number
}

export const Tabs = <Name extends string>(props: {
  readonly label: string
  readonly items: ReadonlyArray<TabItem<Name>>
  readonly selected: Name
  readonly onSelect: (name: Name) => void
  readonly children: ComponentChildren
}) => {
  const { items, onSelect, selected } = props
  const list = useRef<HTMLDivElement>(null)

  // Where there is no room for all tabs they scroll.
  useLayoutEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" })
  }, [selected])

  const move = (event: KeyboardEvent): void => {
    const at = items.findIndex(({ name }) => name === selected)
    const to = TARGETS[event.key]?.(at, items.length)
    const item = to === undefined ? undefined : items[to]
    if (to === undefined || item === undefined) return
    event.preventDefault()
    event.stopPropagation()
    onSelect(item.name)
    list.current?.querySelectorAll<HTMLElement>("[role=tab]")[to]?.focus()
  }

  return (
    <>
      <div class="tabs" role="tablist" aria-label={props.label} ref={list} onKeyDown={move}>
        {items.map(({ count, name, title }) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`tab-${name}`}
            aria-selected={name === selected}
            aria-controls={name === selected ? `panel-${name}` : undefined}
            tabIndex={name === selected ? 0 : -1}
            onClick={() => onSelect(name)}
          >
            {title}
            {count !== undefined && <span class="count">{count}</span>}
          </button>
        ))}
      </div>
      <div
        class={`panel panel-${selected}`}
        role="tabpanel"
        // It scrolls: whoever has no mouse has to reach it.
        tabIndex={0}
        id={`panel-${selected}`}
        aria-labelledby={`tab-${selected}`}
      >
        {props.children}
      </div>
    </>
  )
}

const TARGETS: Readonly<Record<string, (at: number, length: number) => number>> = {
  ArrowRight: (at, length) => (at + 1) % length,
  ArrowLeft: (at, length) => (at - 1 + length) % length,
  Home: () => 0,
  End: (_, length) => length - 1
}
