/** The whole look of our pages. The hash lets it in by the content security policy: a test says the new one. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#15181d;--soft:#545b66;--line:#dde1e6;--edge:#7b838f;--link:#0b57c4;--good:#0e7042;--warn:#865000;--bad:#b3241a;--wait:#47536a;font:16px/1.5 system-ui,sans-serif;background:var(--bg);color:var(--ink)}
@media(prefers-color-scheme:dark){:root{--bg:#0e1014;--card:#171a1f;--ink:#e8eaed;--soft:#a5acb8;--line:#2a2f37;--edge:#737b88;--link:#8db6f9;--good:#62d39d;--warn:#efb54d;--bad:#ff8b80;--wait:#a6b3c9}}
*{box-sizing:border-box}
[hidden]{display:none!important}
body{margin:0}
header,main,footer{max-width:64rem;margin:auto;padding:1rem}
header,nav{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;justify-content:space-between}
nav a,.services a{text-decoration:none}
a{color:var(--link);text-underline-offset:.15em}
a:hover{text-decoration:underline}
:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:3px}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:1rem;background:var(--card);padding:.5rem 1rem}
h1,h2,h3,p,ul,dl,dd{margin:0}
h1{font-size:1.6rem;line-height:1.2}
h2{font-size:1.15rem;margin:2.5rem 0 .75rem;scroll-margin-top:1rem}
h3{font-size:1rem;margin:1rem 0 .4rem;overflow-wrap:anywhere}
h3 span,summary span,small,.soft,dt,th,footer,.axis{color:var(--soft);font-weight:400}
small,.soft,dt,th,td,footer,.axis{font-size:.875rem}
p+p,p+details,form+p{margin-top:.5rem}
.copy+details{margin-top:.75rem}
.good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}.wait{color:var(--wait)}
.icon{width:1.15em;height:1.15em;vertical-align:-.2em;fill:none;stroke:currentColor;stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round;flex:none}
.hero,.states li{display:flex;gap:.75rem}
.hero{gap:1rem;padding:1.25rem;border:1px solid;border-left-width:6px;border-radius:10px;background:var(--card)}
.hero>.icon{width:2.5rem;height:2.5rem}
.hero>div{color:var(--ink);overflow-wrap:anywhere;min-width:0}
.cards{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),1fr))}
.card,details{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1rem}
details{padding:.6rem 1rem}
.card h3{margin-top:0}
dl{display:flex;flex-wrap:wrap;gap:.5rem 2rem;margin-bottom:.75rem}
ul{list-style:none;padding:0}
.states{display:grid;gap:.75rem}
.states .icon{margin-top:.15rem}
form>a{line-height:2.75rem}
.hero+p{margin-top:1rem}
form{display:flex;flex-wrap:wrap;gap:.75rem;align-items:end;margin-bottom:1rem}
label{font-size:.875rem;color:var(--soft)}
.wide{flex:1 1 16rem}
input,select,button{display:block;width:100%;font:inherit;color:var(--ink);background:var(--card);border:1px solid var(--edge);border-radius:6px;padding:.45rem .7rem;min-height:2.75rem}
button{width:auto;background:var(--link);border-color:var(--link);color:var(--card);font-weight:600;cursor:pointer}
input{font:1rem ui-monospace,monospace}
select{font-size:1rem}
code,pre,td,.card h3,.services a{font-family:ui-monospace,monospace;font-size:.9em}
code,td{overflow-wrap:anywhere}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--bg);border:1px solid var(--line);border-radius:6px;padding:.75rem;margin:.4rem 0 1rem}
table{border-collapse:collapse;width:100%;margin:.75rem 0}
th,td{text-align:left;vertical-align:top;padding:.35rem 1rem .35rem 0;border-top:1px solid var(--line)}
td small{display:block}
.services{display:grid;gap:0 1.5rem;grid-template-columns:repeat(auto-fill,minmax(min(18rem,100%),1fr))}
.services li{padding:.35rem 0;border-top:1px solid var(--line);overflow-wrap:anywhere}
.services .port{color:var(--soft);white-space:nowrap;margin-left:.6rem}
.plot{display:block;width:100%;height:8rem;margin-top:.75rem}
.plot path{fill:currentColor;stroke:currentColor;vector-effect:non-scaling-stroke}
.added{color:var(--good)}.gone{color:var(--bad)}.changed,.line{color:var(--wait)}
.plot .changed{fill:none}
.axis{display:flex;justify-content:space-between}
summary{cursor:pointer;font-weight:600;overflow-wrap:anywhere}
details+details{margin-top:-1px;border-start-start-radius:0;border-start-end-radius:0}
details:has(+details){border-end-start-radius:0;border-end-end-radius:0}
details>:nth-child(2){margin-top:.75rem}
.copy{display:flex;flex-wrap:wrap;gap:.75rem;align-items:center}
.copy code{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.5rem .75rem}
.note{border-left:4px solid var(--warn);padding-left:.75rem}
footer{padding:2rem 1rem}
.stranger{max-width:36rem;padding-top:12vh}
@media print{nav,form,.copy button,.skip{display:none}}
`.replaceAll('\n', '');
export const STYLE_HASH = 'sha256-FJhV65S3TbcElhvgX5a9QfdBBtZSrTAmsNc0Ba6UiI8=';
