using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Management.Automation;
using RedisClusterOps.Protocol;

namespace RedisClusterOps;

/// <summary>The weights of a rebalance as a person types them: <c>@{ '10.0.0.1:6379' = 2; 'a1b2' = 0 }</c>.</summary>
internal static class WeightTable
{
    /// <exception cref="RedisOperationException">InvalidArgument: a weight is no number. What a number must be is for the planner to say.</exception>
    public static IReadOnlyDictionary<string, double> Read(Hashtable? table)
    {
        var weights = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (DictionaryEntry entry in table ?? [])
        {
            var name = Convert.ToString(entry.Key, CultureInfo.InvariantCulture) ?? string.Empty;
            weights[name] = TryRead(entry.Value, out var weight) ? weight : throw new RedisOperationException(
                FailureCode.InvalidArgument,
                "The weight of '" + Printable.Clean(name, 80) + "' is '" + Printable.Clean(Convert.ToString(entry.Value, CultureInfo.InvariantCulture) ?? string.Empty, 80) + "', which is no number.",
                name,
                "the same command with a number, such as -Weight @{ '" + Printable.Clean(name, 80) + "' = 1 }");
        }

        return weights;
    }

    // A number, or the text of one, written the same in every culture.
    private static bool TryRead(object? value, out double weight)
    {
        var text = Convert.ToString(value is PSObject wrapped ? wrapped.BaseObject : value, CultureInfo.InvariantCulture);
        return double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out weight);
    }
}
