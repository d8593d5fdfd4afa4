/** Where panels stand: from left to right, and on to the next line where there is no room. */
import type { GridPos, Panel, RowPanel } from "@grafana/schema"
import type { Sized } from "./panels.ts"

export interface Row {
  readonly title: string
  readonly panels: ReadonlyArray<Sized>
  /** Shown when its title is clicked. */
  readonly folded?: true
}

const GRID_WIDTH = 24

/** Rows one below the other, with ids in the order of reading. */
export const placed = (rows: ReadonlyArray<Row>): Array<Panel | RowPanel> => {
  let id = 0
  let y = 0
  return rows.flatMap(({ folded, panels, title }): Array<Panel | RowPanel> => {
    const row = { type: "row", id: ++id, title, gridPos: { h: 1, w: GRID_WIDTH, x: 0, y: y++ } } as const
    const { bottom, places } = inLines(panels, y)
    const inside = places.map(({ gridPos, panel }) => ({ ...panel, id: ++id, gridPos }))
    if (folded === true) return [{ ...row, collapsed: true, panels: inside }]
    y = bottom
    return [{ ...row, collapsed: false, panels: [] }, ...inside]
  })
}

const inLines = (panels: ReadonlyArray<Sized>, top: number) => {
  let x = 0
  let y = top
  let bottom = top
  const places = panels.map(({ height, panel, width }) => {
    if (x + width > GRID_WIDTH) {
      x = 0
      y = bottom
    }
    const gridPos: GridPos = { h: height, w: width, x, y }
    x += width
    bottom = Math.max(bottom, y + height)
    return { panel, gridPos }
  })
  return { places, bottom }
}
