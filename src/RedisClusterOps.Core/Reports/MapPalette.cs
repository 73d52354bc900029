using System.Collections.Generic;

namespace RedisClusterOps.Reports;

/// <summary>The letters and colours of masters and marks. Nothing is told by colour alone: every master has a letter, every mark a sign.</summary>
internal static class MapPalette
{
    /// <summary>More masters than this begin with A again; where they are, and the legend, tell them apart.</summary>
    public const string Symbols = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>Black, of the 256 colours that terminals agree about.</summary>
    public const int Black = 16;

    /// <summary>White of the same.</summary>
    public const int White = 231;

    // Neighbours in the list differ in hue and in lightness; black can be read on all of them.
    private static readonly int[] Papers = [32, 220, 35, 211, 44, 167, 148, 105, 180, 30, 208, 176];

    /// <summary>Fills of a page on white, for white letters.</summary>
    public static IReadOnlyList<string> Light { get; } =
        ["#1f6fb4", "#8a6100", "#15803d", "#b91c4b", "#0e7490", "#b04a0a", "#4d7c0f", "#5b52c9", "#7c4a21", "#0f766e", "#a8326f", "#7e3fb0"];

    /// <summary>Fills of a page on black, for black letters.</summary>
    public static IReadOnlyList<string> Dark { get; } =
        ["#6cb6ff", "#e0c341", "#5fd38d", "#ff8fa8", "#4fd0e6", "#f0a35e", "#b3d94f", "#a5a0ff", "#d9a066", "#5cc9b8", "#f08cc8", "#c99bf0"];

    public static int Count => Papers.Length;

    public static string Symbol(int index) => Symbols[index % Symbols.Length].ToString();

    public static int Paper(int index) => Papers[index % Papers.Length];

    /// <summary>Signs of marks; none of them is a master's letter.</summary>
    public static string Sign(SlotMark mark, bool unicode) => mark switch
    {
        SlotMark.Open => unicode ? "◆" : "*",
        SlotMark.Disputed => "?",
        SlotMark.Uncovered => unicode ? "×" : "!",
        _ => " ",
    };

    public static string Word(SlotMark mark) => mark switch
    {
        SlotMark.Open => "open",
        SlotMark.Disputed => "disputed",
        SlotMark.Uncovered => "uncovered",
        _ => string.Empty,
    };

    public static (int Ink, int Paper) Colors(SlotMark mark) => mark switch
    {
        SlotMark.Open => (Black, White),
        SlotMark.Disputed => (White, 90),
        _ => (White, 160),
    };
}
