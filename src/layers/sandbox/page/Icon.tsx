/** Line icons, 20 by 20, drawn in the colour of the text around them. They say nothing that no text says. */
const PATHS = {
  search: "M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12Zm4.300-1.700L17 17",
  clip: "m15.500 9-5.800 5.800a3.300 3.300 0 0 1-4.700-4.700l6.200-6.200a2.200 2.200 0 0 1 3.100 3.100L8.100 13.200a1.100 1.100 0 0 1-1.600-1.600L12 6.200",
  trash: "M4 6h12M8 6V4h4v2m2.500 0-.6 10H6.100L5.500 6",
  envelope: "M3 5.500h14v9.500H3zM3 6l7 5.200L17 6",
  bolt: "M11 2.500 4.500 11.500H10l-1 6 6.500-9H10z",
  close: "m5.500 5.500 9 9m0-9-9 9",
  back: "M12 4.500 6.500 10l5.500 5.500",
  up: "m5 12 5-5 5 5",
  down: "m5 8 5 5 5-5",
  download: "M10 3.500v9m-3.800-3.700L10 12.600l3.800-3.800M4 16.500h12",
  open: "M8 4.500H4.500v11h11V12M11 4h5v5m0-5-6.500 6.500",
  phone: "M6.500 3h7v14h-7zM9 15h2",
  desktop: "M3 4.500h14v9H3zM7.500 16.500h5",
  moon: "M16.500 12A7 7 0 0 1 8 3.500a6.500 6.500 0 1 0 8.500 8.500Z",
  sun: "M10 13.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7ZM10 2v2m0 12v2M2 10h2m12 0h2M4.300 4.300l1.500 1.500m8.400 8.400 1.500 1.500m0-11.400-1.500 1.500m-8.400 8.400-1.500 1.500",
  copy: "M7 7h9.500v9.500H7zM4 13V3.500h9.500",
  check: "m4.500 10.500 3.500 3.500 7.500-8",
  shield: "M10 2.500 4 5v4.500c0 3.800 2.600 6.700 6 8 3.400-1.300 6-4.200 6-8V5z",
  plus: "M10 4v12M4 10h12",
  help: "M7.500 7.500a2.500 2.500 0 1 1 3.600 2.200c-.7.4-1.100.9-1.100 1.800m0 2.800v.2M10 18a8 8 0 1 0 0-16 8 8 0 0 0 0 16Z",
  read: "m3 8 7-4.500L17 8v7.500H3zM3 8l7 4.500L17 8"
} as const

export type IconName = keyof typeof PATHS

export const Icon = ({ name }: { readonly name: IconName }) => (
  <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
    <path d={PATHS[name]} />
  </svg>
)
