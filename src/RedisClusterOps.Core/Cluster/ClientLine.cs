using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>One line of CLIENT LIST: <c>name=value</c> pairs separated by blanks.</summary>
internal sealed class ClientLine
{
    // Before Redis 7.0 subcommands are not shown. CLUSTER may then be any of them, which is only a reason to check further.
    private static readonly string[] ChangesSlots =
    [
        "migrate", "cluster", "cluster|setslot", "cluster|addslots", "cluster|delslots", "cluster|flushslots", "cluster|bumpepoch",
    ];

    // Between two MIGRATE commands a tool lists the next keys.
    private static readonly string[] ListsKeys = ["cluster|getkeysinslot", "cluster|countkeysinslot"];

    private readonly Dictionary<string, string> _fields;

    private ClientLine(Dictionary<string, string> fields) => _fields = fields;

    /// <summary>The id of the connection. It never changes.</summary>
    public string Id => Text("id");

    public string Address => Printable.Clean(Text("addr"), 100);

    public string Name => Printable.Clean(Text("name"), 160);

    /// <summary>The run that opened the connection; null if it is not that of an announced run.</summary>
    public RunName? Run => RunName.TryParse(Text("name"));

    public string Command => Printable.Clean(Text("cmd").ToLowerInvariant(), 60);

    /// <summary>Whole seconds since its last command.</summary>
    public long Idle => Number("idle") ?? long.MaxValue;

    /// <summary>The number of commands that it has sent; null if the server does not count them.</summary>
    public long? Commands => Number("tot-cmds");

    /// <summary>The client as a sentence names it: by its name or library, and its address.</summary>
    public string Description
    {
        get
        {
            if (NodeConnector.IsNameOfOtherRun(Name))
                return "Another run of this module (" + (Run?.Id is { } id ? "run " + id + ", " : string.Empty) + Name + ") at " + Address;
            var name = Name.Length > 0 ? Name : Printable.Clean(Text("lib-name"), 60);
            return name.Length > 0 ? "The client '" + name + "' at " + Address : "A client at " + Address;
        }
    }

    /// <summary>True for a run of this module in another process that has announced itself. It may pause between two commands.</summary>
    public bool IsOtherRun => !NodeConnector.IsOwnName(Name) && Run is not null;

    /// <summary>
    /// True for another run of this module, and for a client that is not ours and whose last command, a second ago at most, is one that
    /// moves slots.
    /// </summary>
    public bool IsSuspect => IsOtherRun || (!NodeConnector.IsOwnName(Name) && MovedSlots);

    /// <summary>The library as it names itself, such as <c>SE.Redis</c>; empty if it does not, or before Redis 7.2.</summary>
    public string Library => Printable.Clean(Text("lib-name"), 60);

    /// <summary>The version of the library; empty if it is unknown.</summary>
    public string LibraryVersion => Printable.Clean(Text("lib-ver"), 30);

    /// <summary>True for a connection of replication, in either direction.</summary>
    public bool IsReplication => Text("flags").IndexOfAny(['S', 'M']) >= 0;

    private bool MovedSlots => Idle <= 1
        && (ListsKeys.Contains(Command) || ChangesSlots.Any(name => Command == name || Command == name + "range"));

    public static IReadOnlyList<ClientLine> Parse(string list) =>
        list.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0).Select(ParseLine).ToList();

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

    private long? Number(string name) =>
        long.TryParse(Text(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private string Text(string name) => _fields.TryGetValue(name, out var value) ? value : string.Empty;
}
