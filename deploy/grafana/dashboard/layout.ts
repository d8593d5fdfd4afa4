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
    const inside: Array<Panel> = positions(panels, y).map((gridPos, index) => ({
      ...panels[index]?.panel,
      type: panels[index]?.panel.type ?? "",
      id: ++id,
      gridPos
    }))
    if (folded === true) return [{ ...row, collapsed: true, panels: inside }]
    y = Math.max(y, ...inside.map(({ gridPos }) => (gridPos?.y ?? 0) + (gridPos?.h ?? 0)))
    return [{ ...row, collapsed: false, panels: [] }, ...inside]
  })
}

const positions = (panels: ReadonlyArray<Sized>, top: number): ReadonlyArray<GridPos> => {
  let x = 0
  let y = top
  let lineHeight = 0
  return panels.map(({ height, width }) => {
    if (x + width > GRID_WIDTH) {
      x = 0
      y += lineHeight
      lineHeight = 0
    }
    const gridPos = { h: height, w: width, x, y }
    x += width
    lineHeight = Math.max(lineHeight, height)
    return gridPos
  })
}
