using System;
using System.Collections.Generic;
using RedisClusterOps.Pictures;
using Spectre.Console;

namespace RedisClusterOps.Console.Output;

/// <summary>A picture on this terminal, in the colours it has.</summary>
internal static class PictureScreen
{
    private const int UnknownWidth = 80;

    /// <param name="width">Columns that were asked for; null for those of the terminal.</param>
    public static ScreenTraits Of(IAnsiConsole console, int? width) => new(
        width ?? (console.Profile.Out.IsTerminal ? Math.Max(ScreenTraits.Narrowest, TerminalWidth()) : UnknownWidth),
        console.Profile.Capabilities.Unicode,
        console.Profile.Capabilities is { Ansi: true, ColorSystem: not ColorSystem.NoColors });

    public static void Write(IAnsiConsole console, IEnumerable<PictureLine> lines)
    {
        foreach (var line in lines)
        {
            // Space at the end shows only where it has a colour.
            var spans = line.Spans;
            for (var i = 0; i < spans.Count; i++)
            {
                var text = i == spans.Count - 1 && spans[i].Paper is null ? spans[i].Text.TrimEnd() : spans[i].Text;
                console.Write(new Text(text, new Style(ColorOf(spans[i].Ink), ColorOf(spans[i].Paper))));
            }

            console.WriteLine();
        }
    }

    private static Color? ColorOf(int? number) => number is { } known ? Color.FromInt32(known) : null;

    // What the console's profile says is not the terminal's: there no line is ever broken.
    private static int TerminalWidth()
    {
        try
        {
            return System.Console.WindowWidth;
        }
        catch (System.IO.IOException)
        {
            return UnknownWidth;
        }
    }
}
