using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace RedisClusterOps.Reports;

/// <summary>The style sheet of a report: light and dark, wide and narrow screens, and paper.</summary>
internal static class ReportStyle
{
    private const string Rules = """
        *{box-sizing:border-box}
        html{-webkit-text-size-adjust:100%}
        body{margin:0;background:var(--page);color:var(--ink);
        font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans","DejaVu Sans",sans-serif}
        main{max-width:76rem;margin:0 auto;padding:1.5rem 1rem 3rem}
        h1{font-size:1.6rem;line-height:1.2;margin:0 0 .25rem}
        h2{font-size:1.2rem;margin:2.25rem 0 .75rem;padding-bottom:.25rem;border-bottom:1px solid var(--line)}
        h3{font-size:1rem;margin:1.25rem 0 .25rem}
        p{margin:.4rem 0}
        a{color:inherit}
        .soft{color:var(--soft)}
        .verdict{display:inline-block;margin:.75rem 0;padding:.3rem .8rem;border-radius:.4rem;font-weight:700;color:var(--on)}
        .verdict.good{background:var(--good)}.verdict.bad{background:var(--error)}
        dl.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr));gap:.5rem;margin:.75rem 0}
        dl.facts div{border:1px solid var(--line);border-radius:.4rem;padding:.4rem .6rem}
        dl.facts dt{font-size:.8rem;color:var(--soft)}dl.facts dd{margin:0;font-weight:600;overflow-wrap:anywhere}
        ul.findings{list-style:none;margin:0;padding:0}
        ul.findings li{border:1px solid var(--line);border-left:.4rem solid var(--soft);border-radius:.4rem;padding:.5rem .75rem;
        margin:.5rem 0;overflow-wrap:anywhere}
        ul.findings .error{border-left-color:var(--error)}ul.findings .warning{border-left-color:var(--warning)}
        .since{color:var(--soft)}
        .severity{font-weight:700}.error .severity{color:var(--error)}.warning .severity{color:var(--warning)}
        code{font:.9em/1.5 ui-monospace,SFMono-Regular,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace;background:var(--code);
        border-radius:.25rem;padding:.1em .35em;overflow-wrap:anywhere}
        svg{display:block;width:100%;height:auto}
        svg text{font:600 15px system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans","DejaVu Sans",sans-serif}
        svg .label{fill:var(--soft);font-weight:400;text-anchor:end}
        svg .letter{fill:var(--on);pointer-events:none}
        svg .sign{fill:var(--ink);stroke:var(--page);stroke-width:4px;paint-order:stroke;text-anchor:middle;pointer-events:none}
        svg .sign text{font-size:19px;font-weight:700}
        svg path.open{fill:var(--ink)}svg path.disputed{stroke:var(--disputed);stroke-width:1.5px}
        svg path.uncovered{stroke:var(--error);stroke-width:1.5px}
        svg .page{fill:var(--page)}svg .disputed .stripe{fill:var(--disputed)}svg .uncovered .stripe{fill:var(--error)}
        svg .moved{fill:var(--ink)}svg .gone{fill:var(--gone)}
        svg.narrow{display:none}
        .swatch{display:inline-block;min-width:1.5em;margin-right:.5em;border-radius:.25em;text-align:center;font-weight:700;
        color:var(--on)}
        .swatch.open{background:var(--ink);color:var(--page)}.swatch.disputed{background:var(--disputed)}
        .swatch.uncovered{background:var(--error)}.swatch.gone{background:var(--gone)}
        ul.marks{list-style:none;margin:.5rem 0;padding:0;overflow-wrap:anywhere}ul.marks li{margin:.25rem 0}
        table{width:100%;border-collapse:collapse;margin:.5rem 0;font-size:.925rem}
        caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
        th,td{padding:.35rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line);overflow-wrap:break-word}
        td code{white-space:nowrap}.scroll{overflow-x:auto}
        th{font-size:.8rem;color:var(--soft);font-weight:600;white-space:nowrap}
        th.n,td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
        td small{display:block;color:var(--soft)}
        .bad{color:var(--error);font-weight:700}.verdict.bad{color:var(--on)}
        footer{margin-top:2.5rem;padding-top:.75rem;border-top:1px solid var(--line);font-size:.85rem;color:var(--soft)}
        @media screen and (max-width:47rem){
        svg.wide{display:none}svg.narrow{display:block}
        thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
        table,tbody{display:block}
        tr{display:block;border:1px solid var(--line);border-radius:.4rem;padding:.25rem 0;margin:.5rem 0}
        td,td.n{display:grid;grid-template-columns:7rem minmax(0,1fr);gap:.5rem;border:0;padding:.2rem .75rem;text-align:left;
        white-space:normal;overflow-wrap:anywhere}
        td::before{content:attr(data-label);color:var(--soft);font-size:.85rem;font-weight:600}
        td code{white-space:normal}
        }
        @page{margin:12mm}
        @media print{
        html{font-size:9pt}body{font-size:1rem}main{max-width:none;padding:0}
        *{-webkit-print-color-adjust:exact;print-color-adjust:exact}
        tr,li,svg,dl.facts div{break-inside:avoid}h2,h3{break-after:avoid}
        thead{display:table-header-group}
        th,td{padding:.2rem .35rem}td code{white-space:normal}.scroll{overflow:visible}
        }
        """;

    public static string Css { get; } = string.Concat(
        ":root{color-scheme:light dark;",
        "--page:#ffffff;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--code:#f0f2f4;--on:#ffffff;",
        "--good:#15703a;--error:#c01c28;--warning:#8a5a00;--disputed:#8a1a8a;--gone:#57606a;",
        Variables(MapPalette.Light), "}\n",
        // Paper is always white.
        "@media screen and (prefers-color-scheme:dark){:root{",
        "--page:#14171a;--ink:#e8ebee;--soft:#a3adb8;--line:#3a424b;--code:#232a31;--on:#101214;",
        "--good:#5fd38d;--error:#ff8a8a;--warning:#f2c14e;--disputed:#e79bff;--gone:#a3adb8;",
        Variables(MapPalette.Dark), "}}\n",
        string.Concat(Enumerable.Range(0, MapPalette.Count).Select(Number)
            .Select(n => "svg .m" + n + "{fill:var(--m" + n + ")}.swatch.m" + n + "{background:var(--m" + n + ")}")),
        "\n", Rules, "\n");

    private static string Variables(IReadOnlyList<string> colors) =>
        string.Concat(colors.Select((color, index) => "--m" + Number(index) + ":" + color + ";"));

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
