using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps;

/// <summary>One command of a plan: where it goes, what it is, why it is there.</summary>
/// <param name="Node"><c>host:port</c> of the node that gets it.</param>
/// <param name="Command">The command as a person would type it.</param>
/// <param name="Why">The server's rule behind it.</param>
public sealed record PlannedCommand(string Node, string Command, string Why);

/// <summary>What will be done to one slot: the exact commands, in order, node by node.</summary>
public sealed record SlotPlan
{
    /// <summary>0 to 16383.</summary>
    public int Slot { get; init; }

    /// <summary>Which operation, such as <c>Complete</c>.</summary>
    public string Operation => Kind.ToString();

    internal MigrationOperation Kind { get; init; }

    /// <summary>The state it starts from; null where the slot is stable.</summary>
    public RedisOpenSlotState? State { get; init; }

    /// <summary>True where everything is as it was to become: nothing is left to do.</summary>
    public bool IsDone => Actions.Count == 0 && Refusal is null;

    /// <summary>Why nothing can be done before a person has decided; null where something can.</summary>
    public RedisOperationException? Refusal { get; init; }

    /// <summary>True where what follows these commands depends on what they bring to light: the slot is read and planned again then.</summary>
    public bool IsPartial { get; init; }

    /// <summary>What the plan was made from: the slot, its owner, and where it leaves from and goes to. A cluster that says otherwise makes the plan stale.</summary>
    public string Fingerprint => string.Join(" ", Slot.ToString(CultureInfo.InvariantCulture), Owner ?? "-", SourceId.Length > 0 ? SourceId : "-", TargetId.Length > 0 ? TargetId : "-");

    /// <summary>Id of the master that owned the slot when the plan was made; null where nobody did.</summary>
    public string? Owner { get; init; }

    /// <summary><c>host:port</c> of the master that the keys leave.</summary>
    public string Source { get; init; } = string.Empty;

    /// <summary>Id of that master.</summary>
    public string SourceId { get; init; } = string.Empty;

    /// <summary><c>host:port</c> of the master that the keys go to.</summary>
    public string Target { get; init; } = string.Empty;

    /// <summary>Id of that master.</summary>
    public string TargetId { get; init; } = string.Empty;

    /// <summary>Keys of the slot on the source; null where it did not tell.</summary>
    public long? KeysOnSource { get; init; }

    /// <summary>Keys of the slot on the target; null where it did not tell.</summary>
    public long? KeysOnTarget { get; init; }

    /// <summary>How the keys are moved.</summary>
    public MoveOptions Options { get; init; } = new();

    /// <summary>What to know before it runs.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>What the nodes said that is to be known before it runs.</summary>
    public IReadOnlyList<PlanFinding> Findings { get; init; } = [];

    /// <summary>The commands that write, in order; MIGRATE stands for as many as the keys need.</summary>
    public IReadOnlyList<PlannedCommand> Commands => Actions.SelectMany(action => action.Commands).ToList();

    /// <summary>Of a move of keys: the most to move; null for all.</summary>
    public int? First { get; init; }

    /// <summary>Of a move of keys: just these; null for any.</summary>
    internal IReadOnlyList<byte[]>? Keys { get; init; }

    internal IReadOnlyList<SlotAction> Actions { get; init; } = [];

    /// <summary>Id of the master that is to own the slot when all is done; null where the slot is left open.</summary>
    internal string? OwnerAtEnd { get; init; }

    /// <summary>Ids of the cluster's nodes: by them a run on it is known.</summary>
    internal IReadOnlyList<string> Nodes { get; init; } = [];

    /// <summary>What stays true when all is done, and is said again then.</summary>
    internal IReadOnlyList<string> Lasting { get; init; } = [];

    /// <summary>Of a partial plan that looked into something: what to plan again from once that is done; null for what was asked for.</summary>
    internal SlotOperation? Then { get; init; }

    /// <summary>What was asked for, to plan again from.</summary>
    internal SlotOperation? Request { get; init; }

    /// <summary>The cluster it is for.</summary>
    public RedisClusterSession? Cluster { get; init; }
}
