using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Planning.Preflight;

/// <summary>One line of CLIENT LIST: <c>name=value</c> pairs with blanks between.</summary>
internal sealed class ClientLine
{
    // Before 7.0 subcommands were not told: CLUSTER may be anything, and so only a reason to look closer.
    private static readonly string[] ChangesSlots = ["migrate", "cluster", "cluster|setslot", "cluster|addslots", "cluster|delslots", "cluster|flushslots", "cluster|bumpepoch"];

    // Between two MIGRATE a tool lists the next keys.
    private static readonly string[] ListsKeys = ["cluster|getkeysinslot", "cluster|countkeysinslot"];

    private readonly Dictionary<string, string> _fields;

    private ClientLine(Dictionary<string, string> fields) => _fields = fields;

    /// <summary>Stays the same for as long as the connection lives.</summary>
    public string Id => Text("id");

    public string Address => Printable.Clean(Text("addr"), 100);

    public string Name => Printable.Clean(Text("name"), 100);

    public string Command => Printable.Clean(Text("cmd").ToLowerInvariant(), 60);

    /// <summary>Whole seconds since its last command.</summary>
    public long Idle => long.TryParse(Text("idle"), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? seconds : long.MaxValue;

    /// <summary>Commands so far; null where the server does not count them.</summary>
    public long? Commands => long.TryParse(Text("tot-cmds"), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : null;

    /// <summary>Who it is, as far as it said.</summary>
    public string Who
    {
        get
        {
            if (NodeConnector.IsNameOfOtherRun(Name))
                return "Another run of this module (" + Name + ") at " + Address;
            var called = Name.Length > 0 ? Name : Printable.Clean(Text("lib-name"), 60);
            return called.Length > 0 ? "The client '" + called + "' at " + Address : "A client at " + Address;
        }
    }

    /// <summary>True of one that is not ours and whose last command, a moment ago, is one of a tool that moves slots.</summary>
    public bool IsSuspect => Name != NodeConnector.ConnectionName && Idle <= 1
        && (ListsKeys.Contains(Command) || ChangesSlots.Any(name => Command == name || Command == name + "range"));

    public static IReadOnlyList<ClientLine> Parse(string list) => list.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0).Select(ParseLine).ToList();

    private static ClientLine ParseLine(string line)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var part in line.Split(' '))
        {
            var equals = part.IndexOf('=');
            if (equals > 0)
                fields[part.Substring(0, equals)] = part.Substring(equals + 1);
        }

        return new ClientLine(fields);
    }

    private string Text(string name) => _fields.TryGetValue(name, out var value) ? value : string.Empty;
}
