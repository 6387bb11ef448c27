#include "report/report_internal.h"

#include <string.h>

void pr__html_image(pr_page *page, const pr_report_image *image)
{
    pr_page_put(page, "<img alt=\"");
    pr_page_html(page, image->caption);
    pr_page_put(page, "\" src=\"data:");
    pr_page_html(page, image->mime);
    pr_page_put(page, ";base64,");
    pr_page_base64(page, image->bytes, image->n_bytes);
    pr_page_put(page, "\"/>");
}

/* Colours of curves after Okabe and Ito, which most colour-blind readers can tell apart. */
static const char *const style[] = {
    ":root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1b1f27;--soft:#5c6675;"
    "--line:#dfe3e9;--grid:#eceff3;--real:#0072b2;--fake:#d55e00;--c0:#0072b2;--c1:#d55e00;"
    "--c2:#009e73;--c3:#a8558f;--c4:#8a6d00;--c5:#4a90c2}\n",
    "@media(prefers-color-scheme:dark){:root{--bg:#12151a;--card:#1a1e25;--ink:#e7eaef;"
    "--soft:#9aa5b4;--line:#2c323c;--grid:#252a33;--real:#56b4e9;--fake:#ff9248;--c0:#56b4e9;"
    "--c1:#ff9248;--c2:#2bc79b;--c3:#d990c0;--c4:#e6c84a;--c5:#9cc9f0}}\n",
    "*{box-sizing:border-box}\n",
    "body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"
    "\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif;-webkit-text-size-adjust:100%}\n",
    "main{max-width:1120px;margin:0 auto;padding:28px 20px 60px}\n",
    "h1{font-size:26px;line-height:1.25;margin:0 0 4px;letter-spacing:-.01em;"
    "overflow-wrap:anywhere}\n",
    "h2{font-size:18px;margin:38px 0 12px}\n",
    "h3{font-size:14px;margin:0 0 8px;font-weight:600}\n",
    "p{margin:0 0 12px;color:var(--soft);max-width:75ch}\n",
    ".card{background:var(--card);border:1px solid var(--line);border-radius:10px;"
    "padding:16px 18px;margin:0 0 14px;min-width:0}\n",
    ".grid{display:grid;gap:14px;grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr))"
    ";align-items:start"
    "}\n",
    ".grid .card{margin:0}\n",
    ".tiles{display:grid;gap:14px;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));"
    "margin:14px 0 0}\n",
    ".tiles .card{margin:0;padding:12px 16px}\n",
    ".tiles b{display:block;font-size:26px;font-weight:600;line-height:1.25;"
    "font-variant-numeric:tabular-nums}\n",
    ".tiles b small{font-size:14px;font-weight:400;color:var(--soft)}\n",
    ".tiles .card>span{color:var(--soft);font-size:13px;overflow-wrap:anywhere}\n",
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:0}\n",
    "dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}\n",
    ".scroll{overflow-x:auto}\n",
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:14px}\n",
    "th,td{padding:6px 10px;text-align:right;white-space:nowrap;"
    "border-bottom:1px solid var(--line)}\n",
    "tr:last-child td{border-bottom:0}\n",
    "th{color:var(--soft);font-weight:500;font-size:13px}\n",
    "th:first-child,td:first-child,th:nth-child(2),td:nth-child(2){text-align:left}\n",
    "i{font-style:normal}td i,.part td{color:var(--soft)}.part td:first-child{padding-left:26px}\n",
    "pre{margin:0;overflow-x:auto;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"
    "\"DejaVu Sans Mono\",monospace}\n",
    "code,.hash{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\","
    "monospace}\n",
    "details summary{cursor:pointer;font-weight:600}details pre,details ul{margin-top:12px}\n",
    "ul{margin:0;padding-left:20px;overflow-wrap:anywhere}\n",
    ".faces{display:grid;gap:12px;grid-template-columns:repeat(auto-fill,minmax(104px,1fr))}\n",
    "figure{margin:0}figure img{display:block;width:100%;aspect-ratio:1;object-fit:cover;"
    "border-radius:8px;background:var(--grid)}\n",
    "figcaption{font-size:12px;line-height:1.35;color:var(--soft);margin-top:5px;"
    "overflow-wrap:anywhere}\n",
    "svg{display:block;width:100%;height:auto;overflow:visible}\n",
    "svg text{fill:var(--soft);font-size:13px;font-family:inherit}\n",
    "svg .g{stroke:var(--grid);stroke-width:1}svg .a{stroke:var(--line);stroke-width:1}\n",
    "svg .d{stroke:var(--soft);stroke-width:1;stroke-dasharray:3 4;opacity:.7}\n",
    "svg .l{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}\n",
    "svg .real{fill:var(--real)}svg .fake{fill:var(--fake)}svg .bar{opacity:.55}\n",
    ".s0{stroke:var(--c0)}.s1{stroke:var(--c1)}.s2{stroke:var(--c2)}.s3{stroke:var(--c3)}"
    ".s4{stroke:var(--c4)}.s5{stroke:var(--c5)}\n",
    "svg .f0{fill:var(--c0)}svg .f1{fill:var(--c1)}svg .f2{fill:var(--c2)}svg .f3{fill:var(--c3)}"
    "svg .f4{fill:var(--c4)}svg .f5{fill:var(--c5)}\n",
    ".key{display:flex;flex-wrap:wrap;gap:2px 14px;margin:8px 0 0;font-size:13px;"
    "color:var(--soft)}\n",
    ".key i{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:6px}\n",
    ".k0{background:var(--c0)}.k1{background:var(--c1)}.k2{background:var(--c2)}"
    ".k3{background:var(--c3)}.k4{background:var(--c4)}.k5{background:var(--c5)}"
    ".kr{background:var(--real)}.kf{background:var(--fake)}\n",
    ".note{border-left:3px solid var(--fake);padding-left:12px;color:var(--ink)}\n",
    "@media(max-width:560px){main{padding:20px 14px 40px}.tiles{grid-template-columns:1fr "
    "1fr}dl{grid-template-columns:1fr;gap:0}"
    "dd{margin-bottom:8px}}\n",
    "@media print{body{background:#fff}.card{break-inside:avoid}}\n"};

void pr__html_begin(pr_page *page, const char *title)
{
    pr_page_put(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                      "<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" "
                      "content=\"width=device-width, initial-scale=1\"/>\n<title>");
    pr_page_html(page, title);
    pr_page_put(page, "</title>\n<style>\n");
    for (size_t i = 0; i < sizeof(style) / sizeof(style[0]); i++) {
        pr_page_put_bytes(page, style[i], strlen(style[i]));
    }
    pr_page_put(page, "</style>\n</head>\n<body>\n<main>\n");
}
