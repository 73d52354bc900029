using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps;

/// <summary>One command of a plan.</summary>
/// <param name="Node"><c>host:port</c> of the node that receives it; <c>other masters</c> for all of them.</param>
/// <param name="Command">The command as it is typed.</param>
/// <param name="Why">Why it is needed.</param>
public sealed record PlannedCommand(string Node, string Command, string Why)
{
    /// <summary>What is sent in its place for many slots at a time; null for the same command.</summary>
    internal PlannedCommand? ForMany { get; init; }
}

/// <summary>What will be done to one slot: the exact commands, in order, node by node.</summary>
public sealed record SlotPlan
{
    /// <summary>0 to 16383.</summary>
    public int Slot { get; init; }

    /// <summary>All slots that the plan concerns: this one, or every slot of an unreachable owner, which one refusal covers.</summary>
    public IReadOnlyList<int> Slots { get => field ?? [Slot]; init; }

    /// <summary>The name of the operation, such as <c>Complete</c>.</summary>
    public string Operation => Kind.ToString();

    /// <summary>The operation.</summary>
    public MigrationOperation Kind { get; init; }

    /// <summary>The state of the slot; null if it is stable.</summary>
    public RedisOpenSlotState? State { get; init; }

    /// <summary>True if nothing is left to do.</summary>
    public bool IsDone => Actions.Count == 0 && Refusal is null;

    /// <summary>Why a person has to decide first; null if the plan can be carried out.</summary>
    public RedisOperationException? Refusal { get; init; }

    /// <summary>True if the commands only gather information. Then the slot is read and planned again.</summary>
    public bool IsPartial { get; init; }

    /// <summary>The slot, its owner, its source and its target. If the cluster now says otherwise, the plan is stale.</summary>
    public string Fingerprint => string.Join(
        " ",
        Slot.ToString(CultureInfo.InvariantCulture),
        Owner ?? "-",
        SourceId.Length > 0 ? SourceId : "-",
        TargetId.Length > 0 ? TargetId : "-");

    /// <summary>Id of the slot's owner when the plan was made; null if it had none.</summary>
    public string? Owner { get; init; }

    /// <summary><c>host:port</c> of the source.</summary>
    public string Source { get; init; } = string.Empty;

    /// <summary>Id of the source.</summary>
    public string SourceId { get; init; } = string.Empty;

    /// <summary><c>host:port</c> of the target.</summary>
    public string Target { get; init; } = string.Empty;

    /// <summary>Id of the target.</summary>
    public string TargetId { get; init; } = string.Empty;

    /// <summary>Keys of the slot on the source; null if unknown.</summary>
    public long? KeysOnSource { get; init; }

    /// <summary>Keys of the slot on the target; null if unknown.</summary>
    public long? KeysOnTarget { get; init; }

    /// <summary>How the keys are moved.</summary>
    public MoveOptions Options { get; init; } = new();

    /// <summary>What to know before the plan is carried out.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>What the preflight check found.</summary>
    public IReadOnlyList<PlanFinding> Findings { get; init; } = [];

    /// <summary>The commands that change the cluster, in order. One MIGRATE stands for as many as the keys need.</summary>
    public IReadOnlyList<PlannedCommand> Commands => Actions.SelectMany(action => action.Commands).ToList();

    /// <summary>The most keys to move, if the plan moves only keys; null for all.</summary>
    public int? First { get; init; }

    /// <summary>The number of named keys to move, each counted once; null if the plan names no keys.</summary>
    public int? KeyCount => Keys?.Count;

    /// <summary>The keys to move, if the plan moves only keys; null for any.</summary>
    internal IReadOnlyList<byte[]>? Keys { get; init; }

    /// <summary>The actions that are left to do.</summary>
    internal IReadOnlyList<SlotAction> Actions { get; init; } = [];

    /// <summary>Id of the owner when the plan is done; null if the slot stays open.</summary>
    internal string? OwnerAtEnd { get; init; }

    /// <summary>Ids of the cluster's nodes. The journal finds runs on the same cluster by them.</summary>
    internal IReadOnlyList<string> Nodes { get; init; } = [];

    /// <summary>Warnings that still apply when the plan is done. The result repeats them.</summary>
    internal IReadOnlyList<string> LastingWarnings { get; init; } = [];

    /// <summary>The request that the plan was derived from.</summary>
    internal SlotRequest? Request { get; init; }

    /// <summary>The undo that the plan is, or that it resumes; null if it is neither.</summary>
    internal UndoRequest? Undo => Request as UndoRequest ?? (Request as RepairRequest)?.InterruptedUndo;

    /// <summary>The request to plan again from once a partial plan is done; null for the same request.</summary>
    internal SlotRequest? NextRequest { get; init; }

    /// <summary>The cluster.</summary>
    public RedisClusterSession? Cluster { get; init; }
}
