using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Globalization;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Parses the reply of CLUSTER NODES in all formats from Redis 3.0 to 8.x, Valkey 7.2 to 9.x and Garnet.</summary>
/// <remarks>
/// <c>id address flags master ping-sent pong-received config-epoch link-state slot…</c>, where address is
/// <c>ip:port[@bus-port[,host-name[,key=value…]]]</c> and a slot is <c>n</c>, <c>a-b</c>, <c>[n->-id]</c> or <c>[n-&lt;-id]</c>
/// (https://redis.io/docs/latest/commands/cluster-nodes/).
/// </remarks>
internal static class ClusterNodesParser
{
    private const int FieldsBeforeSlots = 8;

    /// <param name="text">The reply.</param>
    /// <param name="shared">The lines of other nodes; null if only one node is read.</param>
    /// <exception cref="RedisOperationException">ProtocolError: a line is malformed; the message shows its start.</exception>
    public static IReadOnlyList<NodeLine> Parse(string text, SharedLines? shared = null)
    {
        var lines = new List<NodeLine>();
        foreach (var raw in text.Split('\n'))
        {
            var line = raw.Trim();
            if (line.Length > 0)
                lines.Add(shared?.Get(line, ParseLine) ?? ParseLine(line));
        }

        return lines;
    }

    private static NodeLine ParseLine(string line)
    {
        var fields = line.Split([' '], StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length < FieldsBeforeSlots)
            throw Malformed(line, "it has fewer than eight fields");
        if (!IsId(fields[0]))
            throw Malformed(line, "the id is invalid");
        var (host, port, bus, hostname) = ParseAddress(fields[1], line);
        var flags = ParseFlags(fields[2]);
        List<SlotRange>? ranges = null;
        Dictionary<int, string>? migrating = null;
        Dictionary<int, string>? importing = null;
        for (var i = FieldsBeforeSlots; i < fields.Length; i++)
        {
            if (fields[i][0] == '[')
                ParseOpenFlag(fields[i], line, migrating ??= [], importing ??= []);
            else if (SlotRange.TryParse(fields[i], out var range))
                (ranges ??= []).Add(range);
            else
                throw Malformed(line, "'" + Printable.Clean(fields[i], 40) + "' is not a slot");
        }

        return new NodeLine
        {
            Id = fields[0],
            Host = host,
            Port = port,
            BusPort = bus,
            Hostname = hostname,
            Flags = flags,
            MasterId = fields[3] == "-" ? null : fields[3],
            ConfigEpoch = long.TryParse(fields[6], NumberStyles.None, CultureInfo.InvariantCulture, out var epoch)
                ? epoch
                : throw Malformed(line, "the config epoch is not a number"),
            PingSent = Milliseconds(fields[4]),
            PongReceived = Milliseconds(fields[5]),
            Connected = fields[7] == "connected",
            Slots = ranges is null ? SlotSet.Empty : SlotSet.From(ranges),
            MigratingTo = migrating is null or { Count: 0 } ? NodeLine.NoSlots : migrating,
            ImportingFrom = importing is null or { Count: 0 } ? NodeLine.NoSlots : importing,
        };
    }

    // Only used in reports, so a malformed time is not an error.
    private static long Milliseconds(string field) =>
        long.TryParse(field, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static bool IsId(string text)
    {
        foreach (var c in text)
        {
            if (c is not (>= 'a' and <= 'z' or >= 'A' and <= 'Z' or >= '0' and <= '9' or '-' or '_'))
                return false;
        }

        return true;
    }

    private static (string Host, int Port, int BusPort, string? Hostname) ParseAddress(string field, string line)
    {
        // The host name follows a comma. An IPv6 address contains colons but no comma.
        string? hostname = null;
        var comma = field.IndexOf(',');
        if (comma >= 0)
        {
            var extras = field.Substring(comma + 1).Split(',');
            hostname = extras[0].Length > 0 && extras[0].IndexOf('=') < 0 ? extras[0] : null;
            field = field.Substring(0, comma);
        }

        var bus = 0;
        var at = field.IndexOf('@');
        if (at >= 0)
        {
            // The bus port is never dialled, so a malformed one is not an error.
            bus = int.TryParse(field.Substring(at + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
            field = field.Substring(0, at);
        }

        var colon = field.LastIndexOf(':');
        if (colon < 0
            || !int.TryParse(field.Substring(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port > 65535)
            throw Malformed(line, "the address has no port");
        return (field.Substring(0, colon).Trim('[', ']'), port, bus, hostname);
    }

    private static NodeFlags ParseFlags(string field)
    {
        var flags = NodeFlags.None;
        foreach (var name in field.Split(','))
        {
            flags |= name switch
            {
                "myself" => NodeFlags.Myself,
                "master" or "primary" => NodeFlags.Master,
                "slave" or "replica" => NodeFlags.Replica,
                "fail?" => NodeFlags.PFail,
                "fail" => NodeFlags.Fail,
                "handshake" => NodeFlags.Handshake,
                "noaddr" => NodeFlags.NoAddress,
                "nofailover" => NodeFlags.NoFailover,
                _ => NodeFlags.None,
            };
        }

        return flags;
    }

    // [5519->-id]: the slot migrates to id. [5519-<-id]: the slot is imported from id.
    private static void ParseOpenFlag(string field, string line, Dictionary<int, string> migrating, Dictionary<int, string> importing)
    {
        var dash = field.IndexOf('-');
        if (dash < 2 || dash + 3 >= field.Length || field[field.Length - 1] != ']' || field[dash + 2] != '-'
            || !int.TryParse(field.Substring(1, dash - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var slot)
            || slot >= HashSlot.Count)
            throw Malformed(line, "'" + Printable.Clean(field, 60) + "' is not an open slot");
        var id = field.Substring(dash + 3, field.Length - dash - 4);
        switch (field[dash + 1])
        {
            case '>':
                migrating[slot] = id;
                break;
            case '<':
                importing[slot] = id;
                break;
            default:
                throw Malformed(line, "'" + Printable.Clean(field, 60) + "' is not an open slot");
        }
    }

    private static RedisOperationException Malformed(string line, string why) => new(
        FailureCode.ProtocolError, "A line of CLUSTER NODES can't be read: " + why + ". The line begins: " + Printable.Clean(line, 120));
}

/// <summary>Lines of CLUSTER NODES that several nodes report equally. Each is parsed once and kept once.</summary>
/// <remarks>A thousand nodes report a million lines; all but a few thousand differ only in the times of ping and pong.</remarks>
internal sealed class SharedLines
{
    private const int FieldsBeforeTimes = 4;
    private const int FieldsWithTimes = 6;

    private readonly ConcurrentDictionary<string, NodeLine> _lines = new(StringComparer.Ordinal);

    /// <param name="text">A line without surrounding white space.</param>
    /// <param name="parse">Parses a line that is not known yet.</param>
    public NodeLine Get(string text, Func<string, NodeLine> parse)
    {
        if (WithoutTimes(text) is not { } key)
            return parse(text);
        return _lines.TryGetValue(key, out var known) ? known : _lines.GetOrAdd(key, parse(text));
    }

    // Null if the line has open slots, which only a node's own line has, or if it is not in the format that servers write.
    private static string? WithoutTimes(string text)
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
