using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Planning;

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
    public string Operation { get; init; } = string.Empty;

    /// <summary>The state it starts from; null where there is nothing to do (<see cref="IsDone"/>).</summary>
    public RedisOpenSlotState? State { get; init; }

    /// <summary>True where the target owns the slot already and nobody has it open.</summary>
    public bool IsDone => State is null;

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

    /// <summary>The commands that write, in order; MIGRATE stands for as many as the keys need.</summary>
    public IReadOnlyList<PlannedCommand> Commands => Actions.SelectMany(action => action.Commands).ToList();

    /// <summary>Of a move of keys: the most to move; null for all.</summary>
    public int? First { get; init; }

    /// <summary>Of a move of keys: just these; null for any.</summary>
    internal IReadOnlyList<byte[]>? Keys { get; init; }

    internal IReadOnlyList<SlotAction> Actions { get; init; } = [];

    /// <summary>The cluster it is for.</summary>
    public RedisClusterSession? Cluster { get; init; }
}
