using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Management.Automation;
using RedisClusterOps.Protocol;

namespace RedisClusterOps;

/// <summary>Reads the weights of a rebalance from a hashtable: <c>@{ '10.0.0.1:6379' = 2; 'a1b2' = 0 }</c>.</summary>
internal static class WeightTable
{
    /// <exception cref="RedisOperationException">InvalidArgument: a weight is not a number. The planner checks its range.</exception>
    public static IReadOnlyDictionary<string, double> Read(Hashtable? table)
    {
        var weights = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (DictionaryEntry entry in table ?? [])
        {
            var name = Text(entry.Key);
            var shownName = Printable.Clean(name, 80);
            weights[name] = TryRead(entry.Value, out var weight) ? weight : throw new RedisOperationException(
                FailureCode.InvalidArgument,
                "The weight of '" + shownName + "' is '" + Printable.Clean(Text(entry.Value), 80) + "', which is not a number.",
                name,
                "the same command with a number, such as -Weight @{ '" + shownName + "' = 1 }");
        }

        return weights;
    }

    // A number, or its text in the invariant culture.
    private static bool TryRead(object? value, out double weight)
    {
        const NumberStyles Style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        var text = Text(value is PSObject wrapped ? wrapped.BaseObject : value);
        return double.TryParse(text, Style, CultureInfo.InvariantCulture, out weight);
    }

    private static string Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? string.Empty;
}
