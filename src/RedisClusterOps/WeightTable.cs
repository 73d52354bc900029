using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Management.Automation;

namespace RedisClusterOps;

/// <summary>Reads the weights of a rebalance from a hashtable: <c>@{ '10.0.0.1:6379' = 2; 'a1b2' = 0 }</c>.</summary>
internal static class WeightTable
{
    /// <exception cref="RedisOperationException">InvalidArgument: a weight is not a number. The planner checks its range.</exception>
    public static IReadOnlyDictionary<string, double> Read(Hashtable? table)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry entry in table ?? [])
            texts[Text(entry.Key)] = Text(entry.Value is PSObject wrapped ? wrapped.BaseObject : entry.Value);
        return RebalanceOptions.ParseWeights(texts);
    }

    private static string Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? string.Empty;
}
