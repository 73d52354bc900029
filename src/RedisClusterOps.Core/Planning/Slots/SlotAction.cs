using System.Collections.Generic;
using System.Globalization;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Planning.Slots;

/// <summary>An idempotent action of a plan, with the commands that it sends. SlotSteps carries it out.</summary>
internal abstract record SlotAction(int Slot)
{
    public abstract IReadOnlyList<PlannedCommand> Commands { get; }

    protected static PlannedCommand Command(ClusterNode node, string command, string why) => new(node.Name, command, why);

    protected string SetSlot(string action) => "CLUSTER SETSLOT " + Slot.ToString(CultureInfo.InvariantCulture) + " " + action;
}

/// <summary>
/// Sets IMPORTING. The target then serves the clients that the source redirects to it (ASKING), and raises its epoch when it takes over.
/// </summary>
internal sealed record SetImporting(int Slot, ClusterNode Target, ClusterNode Source) : SlotAction(Slot)
{
    /// <summary>True if no migration begins. The flag then only makes keys visible that the node hides.</summary>
    public bool OnlyReveals { get; init; }

    public override IReadOnlyList<PlannedCommand> Commands =>
    [
        Command(Target, SetSlot("IMPORTING " + Source.Id), OnlyReveals
            ? "a node hides keys of a slot that it neither owns nor imports; IMPORTING makes them countable"
            : "set before MIGRATING; otherwise the source redirects clients to a target that rejects them"),
    ];
}

/// <summary>Sets MIGRATING. The source then redirects requests for missing keys to the target, and creates no new keys.</summary>
internal sealed record SetMigrating(int Slot, ClusterNode Source, ClusterNode Target) : SlotAction(Slot)
{
    public override IReadOnlyList<PlannedCommand> Commands =>
        [Command(Source, SetSlot("MIGRATING " + Target.Id), "from now on, moved keys stay gone here, and new keys go to the target")];
}

/// <summary>Corrects the owner on a node that neither gains nor loses the slot by that.</summary>
internal sealed record CorrectOwner(int Slot, ClusterNode Node, ClusterNode Owner) : SlotAction(Slot)
{
    /// <summary>All slots that are corrected together.</summary>
    public SlotSet Slots { get; init; } = SlotSet.From([Slot]);

    public override IReadOnlyList<PlannedCommand> Commands =>
    [
        Command(Node, SetSlot("NODE " + Owner.Id), Slots.Count == 1
            ? "this node reports another owner, or none"
            : "the same for each of the slots " + Slots + ", which it imports; while it reports an owner that failed, it accepts no keys"),
    ];
}

/// <summary>Moves the remaining keys of the source, batch by batch.</summary>
/// <param name="Slot">The slot.</param>
/// <param name="Source">The node that sends the keys.</param>
/// <param name="Target">The node that receives the keys.</param>
/// <param name="Migrate">The MIGRATE command.</param>
/// <param name="Keys">How many keys there are to move; null if the source did not say.</param>
/// <param name="IsWhole">True if all keys of the slot are moved.</param>
internal sealed record MoveKeys(int Slot, ClusterNode Source, ClusterNode Target, MigrateCommand Migrate, long? Keys, bool IsWhole = true)
    : SlotAction(Slot)
{
    /// <summary>
    /// True if the source imports the slot and does not own it. Its copies are hidden from clients, and those of the target are in use.
    /// In a migration it is the other way round.
    /// </summary>
    public bool IsReverse { get; init; }

    /// <summary>True if the target imports the slot, so that it must be read with ASKING. An owner needs none.</summary>
    public bool TargetImports { get; init; } = true;

    /// <summary>True if the source was just closed to clients. Those that were redirected to it before may still write there.</summary>
    public bool AwaitsLateKeys { get; init; }

    /// <summary>What to do with a key that differs. The value in use is the source's, in a reverse move the target's.</summary>
    public KeyConflictAction OnConflict { get; init; }

    /// <summary>True if more than two nodes may hold a key, so that it is undecided which value is the other one.</summary>
    public bool HasSeveralOthers { get; init; }

    /// <summary>What resumes the operation after it stopped.</summary>
    public NextAction Again { get; init; } = new(NextActionCode.Resume);

    public override IReadOnlyList<PlannedCommand> Commands
    {
        get
        {
            var commands = new List<PlannedCommand>();
            var databases = Source.View?.Databases ?? 1;
            for (var database = 0; database < databases; database++)
            {
                if (databases > 1)
                {
                    var number = database.ToString(CultureInfo.InvariantCulture);
                    commands.Add(Command(Source, "SELECT " + number, "keys may be in any database"));
                }

                commands.Add(Command(Source, Migrate.Describe(database, Keys), Why));
            }

            return commands;
        }
    }

    private string Why => IsReverse ? "an importing node may send the keys that it holds; repeated until it counts 0 keys"
        : IsWhole ? "repeated until the source counts 0 keys"
        : "only these keys; the slot stays open";
}

/// <summary>Clears the MIGRATING flag of the owner. Keys that have moved to the target read as missing from then on.</summary>
/// <param name="Slot">The slot.</param>
/// <param name="Node">The owner.</param>
/// <param name="Empty">The target. It must count 0 keys immediately before. Null if missing keys were accepted.</param>
internal sealed record StopMigrating(int Slot, ClusterNode Node, ClusterNode? Empty) : SlotAction(Slot)
{
    public override IReadOnlyList<PlannedCommand> Commands =>
    [
        Command(Node, SetSlot("STABLE"), Empty is null
            ? "clears the MIGRATING flag; keys that are not on this node read as missing from now on"
            : "clears the MIGRATING flag; sent only while " + Empty.Name + " counts 0 keys"),
    ];
}

/// <summary>Clears flags of a master's replicas. The master itself has none, and replicates STABLE to them.</summary>
internal sealed record ClearReplicaFlags(int Slot, ClusterNode Master) : SlotAction(Slot)
{
    public override IReadOnlyList<PlannedCommand> Commands =>
        [Command(Master, SetSlot("STABLE"), "clears the flag of its replica, which would leave the slot open after a failover")];
}

/// <summary>Clears the IMPORTING flag. Remaining keys would be hidden, so it is sent only at 0 keys, counted in the same batch.</summary>
internal sealed record StopImporting(int Slot, ClusterNode Node) : SlotAction(Slot)
{
    public override IReadOnlyList<PlannedCommand> Commands =>
        [Command(Node, SetSlot("STABLE"), "clears the IMPORTING flag; sent only when this node counts 0 keys")];
}

/// <summary>
/// Raises the epoch of a master that becomes the owner without an import, so that a former owner that returns can't take the slot back.
/// </summary>
/// <param name="Slot">The slot.</param>
/// <param name="Node">The master.</param>
/// <param name="Witnesses">The nodes whose epochs it must exceed.</param>
internal sealed record RaiseEpoch(int Slot, ClusterNode Node, IReadOnlyList<ClusterNode> Witnesses) : SlotAction(Slot)
{
    /// <summary>What no reading can find out.</summary>
    public const string Unknown = "A former owner may have a higher epoch than any reachable node knows. If it returns, it takes the slots"
        + " back, and their keys are deleted. Remove it before it rejoins the cluster.";

    public override IReadOnlyList<PlannedCommand> Commands =>
    [
        Command(
            Node,
            "CLUSTER BUMPEPOCH",
            "sent until its epoch exceeds every epoch that a node knows; otherwise a former owner that returns takes the slot back"),
    ];
}

/// <summary>Assigns a slot without an owner to a master.</summary>
/// <param name="Slot">The slot.</param>
/// <param name="Node">The new owner.</param>
/// <param name="Believed">
/// A master that the new owner can import from, if it believes that another node owns the slot: ADDSLOTS would be refused. Otherwise null.
/// </param>
internal sealed record AddUnownedSlot(int Slot, ClusterNode Node, string? Believed = null) : SlotAction(Slot)
{
    public override IReadOnlyList<PlannedCommand> Commands => Believed is null
    ?
    [
        Command(
            Node,
            "CLUSTER ADDSLOTS " + Slot.ToString(CultureInfo.InvariantCulture),
            "the slot has no owner; keys that this node already holds stay"),
    ]
    :
    [
        Command(Node, SetSlot("IMPORTING " + Believed), "it believes that another node owns the slot, and would refuse ADDSLOTS"),
        Command(Node, SetSlot("NODE " + Node.Id), "the slot has no owner; keys that this node already holds stay"),
    ];
}

/// <summary>Takes over a slot from an unreachable owner. When that owner returns, it yields and deletes its keys of the slot.</summary>
internal sealed record TakeFromUnreachable(int Slot, ClusterNode Node, ClusterNode Absent) : SlotAction(Slot)
{
    public override IReadOnlyList<PlannedCommand> Commands =>
    [
        Command(Node, SetSlot("IMPORTING " + Absent.Id), "a node raises its epoch only while it imports the slot"),
        Command(Node, SetSlot("NODE " + Node.Id), "from now on, " + Absent.Name + " deletes its keys of the slot when it returns"),
    ];
}

/// <summary>Assigns the slot to the target, which raises its epoch. Sent only at 0 keys on the source, counted just before.</summary>
internal sealed record AssignToTarget(int Slot, ClusterNode Source, ClusterNode Target) : SlotAction(Slot)
{
    // Without it a node waits two seconds for a replica that hangs, and then takes over a slot whose source may have died meanwhile.
    private const int MillisecondsForReplicas = 200;
    private const string First = "the target first: it raises its epoch only while it imports; ";
    private const string Guarded = "in a transaction with PFCOUNT, which does not run during a failover, if the user may run it; ";
    private const string Empty = "sent only when the source counts 0 keys";

    public override IReadOnlyList<PlannedCommand> Commands
    {
        get
        {
            var isGuarded = Target.View is { Facts.TakesOverInTransaction: true, HasReplicas: true };
            var single = Command(
                Target, SetSlot(string.Join(" ", ActionOn(Target))), First + (isGuarded ? Guarded : string.Empty) + Empty);
            return TransactionFor(Target.View) is { } commands
                ? [single with { ForMany = single with { Why = First + commands + ", if the user may run it; " + Empty } }]
                : [single];
        }
    }

    private static string? TransactionFor(NodeView? view) => view switch
    {
        { Facts.TakesOverJointly: true, HasReplicas: true } => "many slots in one transaction, with PFCOUNT, CLUSTER BUMPEPOCH and STABLE",
        { Facts.TakesOverJointly: true } => "many slots in one transaction, with CLUSTER BUMPEPOCH and STABLE",
        { Facts.TakesOverInTransaction: true, HasReplicas: true } => "many slots in one transaction, with PFCOUNT",
        _ => null,
    };

    /// <summary>True for a server that runs SETSLOT only after its replicas have acknowledged it.</summary>
    public static bool WaitsForReplicas(ClusterNode node) =>
        node.View?.Facts is { Engine: ServerEngine.Valkey } facts && facts.IsAtLeast(8, 0);

    /// <summary>The action of SETSLOT that makes the target the owner.</summary>
    public static object[] ActionOn(ClusterNode target) =>
        WaitsForReplicas(target) ? ["NODE", target.Id, "TIMEOUT", MillisecondsForReplicas] : ["NODE", target.Id];
}

/// <summary>Notifies the source, then the other masters, of the new owner instead of waiting for gossip.</summary>
internal sealed record NotifyOwner(int Slot, ClusterNode Node, ClusterNode Owner, bool IsSource) : SlotAction(Slot)
{
    public override IReadOnlyList<PlannedCommand> Commands =>
    [
        Command(Node, SetSlot("NODE " + Owner.Id), IsSource
            ? "clears the MIGRATING flag; the source redirects its clients to the new owner"
            : "redirects clients correctly at once instead of waiting for gossip") with
        {
            ForMany = IsSource ? null : new PlannedCommand(
                "other masters", SetSlot("NODE " + Owner.Id), "only to those that have not learned the owner by gossip"),
        },
    ];
}

/// <summary>Makes sure that the former owner knows the new one and has no flag left, before the slot returns to it.</summary>
internal sealed record ClearFlags(int Slot, ClusterNode Node, ClusterNode Owner) : SlotAction(Slot)
{
    public override IReadOnlyList<PlannedCommand> Commands =>
        [Command(Node, SetSlot("STABLE"), "only if a flag of the first half is left; this node does not own the slot then")];
}

/// <summary>Keeps a master from becoming a replica of the new owner when it hands over its last slot.</summary>
internal sealed record SuppressReplicaMigration(int Slot, ClusterNode Node) : SlotAction(Slot)
{
    public const string Setting = "cluster-allow-replica-migration";

    public override IReadOnlyList<PlannedCommand> Commands =>
        [Command(Node, "CONFIG SET " + Setting + " no", "if it is yes: this node hands over its last slot and would become a replica")];
}

/// <summary>Restores the setting that <see cref="SuppressReplicaMigration"/> changed.</summary>
/// <param name="Slot">The slot.</param>
/// <param name="Node">The master.</param>
/// <param name="WasInterrupted">True if an interrupted run changed the setting.</param>
internal sealed record RestoreReplicaMigration(int Slot, ClusterNode Node, bool WasInterrupted = false) : SlotAction(Slot)
{
    public override IReadOnlyList<PlannedCommand> Commands =>
        [Command(Node, "CONFIG SET " + SuppressReplicaMigration.Setting + " yes", "restores the previous value")];
}
