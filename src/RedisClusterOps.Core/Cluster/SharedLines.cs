using System;
using System.Collections.Concurrent;

namespace RedisClusterOps.Cluster;

/// <summary>Lines of CLUSTER NODES that several nodes say alike, read once and kept once.</summary>
/// <remarks>A thousand nodes tell a million lines, of which all but some thousand differ in nothing but when a ping was sent and answered.</remarks>
internal sealed class SharedLines
{
    private const int FieldsBeforeTimes = 4;
    private const int FieldsWithTimes = 6;

    private readonly ConcurrentDictionary<string, NodeLine> _lines = new(StringComparer.Ordinal);

    /// <param name="text">A line without space around it.</param>
    /// <param name="parse">Reads a line that nobody has said yet.</param>
    public NodeLine Get(string text, Func<string, NodeLine> parse)
    {
        if (Timeless(text) is not { } key)
            return parse(text);
        return _lines.TryGetValue(key, out var known) ? known : _lines.GetOrAdd(key, parse(text));
    }

    // Null of a line that is nobody else's, having open slots, and of one that is not written as servers write it.
    private static string? Timeless(string text)
    {
        if (text[text.Length - 1] == ']')
            return null;
        var (spaces, before) = (0, 0);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != ' ')
                continue;
            if (text[i + 1] == ' ')
                return null;
            spaces++;
            if (spaces == FieldsBeforeTimes)
                before = i;
            else if (spaces == FieldsWithTimes)
                return text.Substring(0, before) + text.Substring(i);
        }

        return null;
    }
}
