using System;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Topology;

namespace RedisClusterOps.Console.CommandLine;

/// <summary>Reads the values of parameters. What can't be read is refused with what can.</summary>
internal static class ParameterParsers
{
    public static Func<ArgumentResult, int> WholeNumber(string name, int least, int most) => result =>
        ReadNumber(result, result.Tokens[0].Value, name, least, most);

    public static int Slot(ArgumentResult result) => ReadNumber(result, result.Tokens[0].Value, "--slot", 0, HashSlot.Count - 1);

    /// <summary>One slot or several, or ranges such as <c>0-99</c>, with spaces or commas between.</summary>
    public static int[] Slots(ArgumentResult result)
    {
        var texts = result.Tokens.SelectMany(token => token.Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).ToList();
        // A script's empty variable must not look like work that is done.
        if (texts.Count == 0)
            result.AddError("--slot takes a whole number from 0 to " + (HashSlot.Count - 1).ToString(CultureInfo.InvariantCulture) + "; not '" + Shown(result.Tokens[0].Value) + "'.");
        return [.. texts.SelectMany(text => text.Contains('-', StringComparison.Ordinal) && SlotRange.TryParse(text, out var range)
            ? Enumerable.Range(range.First, range.Count)
            : [ReadNumber(result, text, "--slot", 0, HashSlot.Count - 1)]).Distinct()];
    }

    /// <summary><c>10ms</c>, <c>5s</c>, <c>30m</c>, <c>2h</c>, or <c>00:00:05</c>. A bare number is refused: nobody agrees on its unit.</summary>
    public static Func<ArgumentResult, TimeSpan> Duration(string name) => result =>
    {
        var text = result.Tokens[0].Value;
        if (RedisClusterOps.Duration.TryParse(text, out var duration))
            return duration;
        result.AddError(name + " takes a time above zero with its unit, such as 10ms, 5s or 30m; not '" + Shown(text) + "'.");
        return default;
    };

    public static Func<ArgumentResult, T> NameOf<T>(string name)
        where T : struct, Enum => result =>
    {
        var text = result.Tokens[0].Value;
        foreach (var known in Enum.GetValues<T>())
        {
            if (string.Equals(known.ToString(), text, StringComparison.OrdinalIgnoreCase))
                return known;
        }

        result.AddError(name + " takes " + string.Join(", ", Enum.GetNames<T>()) + "; not '" + Shown(text) + "'.");
        return default;
    };

    private static int ReadNumber(ArgumentResult result, string text, string name, int least, int most)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most)
            return number;
        var bound = most == int.MaxValue
            ? "of at least " + least.ToString(CultureInfo.InvariantCulture)
            : "from " + least.ToString(CultureInfo.InvariantCulture) + " to " + most.ToString(CultureInfo.InvariantCulture);
        result.AddError(name + " takes a whole number " + bound + "; not '" + Shown(text) + "'.");
        return least;
    }

    // Arguments may come from a script that read them from anywhere: nothing that moves a cursor is printed back.
    private static string Shown(string text) => Protocol.Printable.Clean(text, 60);
}
