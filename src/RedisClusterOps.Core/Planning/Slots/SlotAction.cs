using System.Collections.Generic;
using System.Globalization;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Planning.Slots;

/// <summary>One idempotent step of a plan. What it does is in Migration/SlotSteps; what it sends is told here, for people.</summary>
internal abstract record SlotAction(int Slot)
{
    public abstract IReadOnlyList<PlannedCommand> Commands { get; }

    protected static PlannedCommand Command(ClusterNode node, string command, string why) => new(node.Name, command, why);

    protected string SetSlot(string action) => "CLUSTER SETSLOT " + Slot.ToString(CultureInfo.InvariantCulture) + " " + action;
}

/// <summary>The target accepts keys of the slot from the source's clients (ASKING), and will bump its epoch when it is given the slot.</summary>
internal sealed record SetImporting(int Slot, ClusterNode Target, ClusterNode Source) : SlotAction(Slot)
{
    /// <summary>True where nothing is to migrate yet: a node may hide keys of a slot that it neither owns nor imports.</summary>
    public bool OnlyReveals { get; init; }

    public override IReadOnlyList<PlannedCommand> Commands =>
    [
        Command(Target, SetSlot("IMPORTING " + Source.Id), OnlyReveals
            ? "while it imports it counts the keys of the slot that it may hold, and hides until then"
            : "before the source migrates, so that nobody is sent to a target that turns him away"),
    ];
}

/// <summary>The source redirects requests for missing keys to the target, and creates none itself.</summary>
internal sealed record SetMigrating(int Slot, ClusterNode Source, ClusterNode Target) : SlotAction(Slot)
{
    public override IReadOnlyList<PlannedCommand> Commands =>
        [Command(Source, SetSlot("MIGRATING " + Target.Id), "while it migrates, a key that has left stays gone and new ones go to the target")];
}

/// <summary>A node with a stale idea of the owner is told the present one, without giving anything away: it neither wins nor loses the slot.</summary>
internal sealed record CorrectOwner(int Slot, ClusterNode Node, ClusterNode Owner) : SlotAction(Slot)
{
    public override IReadOnlyList<PlannedCommand> Commands =>
        [Command(Node, SetSlot("NODE " + Owner.Id), "it still takes another node for the owner, or none")];
}

/// <summary>Moves what is left on the source, batch by batch.</summary>
/// <param name="Keys">How many there are to move; null where the source did not tell.</param>
/// <param name="IsWhole">True where the slot is to be emptied.</param>
internal sealed record MoveKeys(int Slot, ClusterNode Source, ClusterNode Target, MigrateRequest Request, long? Keys, bool IsWhole = true) : SlotAction(Slot)
{
    /// <summary>
    /// True where the keys leave a node that does not own the slot, and only imports it: its copies are hidden from clients, and those of
    /// the target are the ones in use. The other way round in a migration.
    /// </summary>
    public bool IsReverse { get; init; }

    /// <summary>Whether the target imports the slot, so that it is read with ASKING; the owner is not.</summary>
    public bool TargetImports { get; init; } = true;

    /// <summary>True where the source has just been closed to clients: those who were sent to the other side before may still write there.</summary>
    public bool AwaitsLateKeys { get; init; }

    /// <summary>What to do with a key that differs, as seen from this move's source and target.</summary>
    public KeyConflictAction OnConflict { get; init; }

    /// <summary>The option that keeps the value clients use, as source and target are said of the whole operation.</summary>
    public KeyConflictAction KeepsInUse { get; init; } = KeyConflictAction.KeepSource;

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
                    commands.Add(Command(Source, "SELECT " + database.ToString(CultureInfo.InvariantCulture), "keys may be in any database"));
                commands.Add(Command(Source, Request.Describe(database, Keys), Why));
            }

            return commands;
        }
    }

    private string Why => IsReverse ? "it imports, so it may send what it holds; repeated until it counts no key"
        : IsWhole ? "repeated until the source counts no key"
        : "these and no more; the slot stays open";
}

/// <summary>The owner keeps the slot and sends nobody away any more. What has moved to the target reads as missing from then on.</summary>
/// <param name="Empty">The target, which is counted before: it must hold no key of the slot; null where that has been accepted.</param>
internal sealed record StopMigrating(int Slot, ClusterNode Node, ClusterNode? Empty) : SlotAction(Slot)
{
    public override IReadOnlyList<PlannedCommand> Commands =>
    [
        Command(Node, SetSlot("STABLE"), Empty is null
            ? "ends its migrating flag; a key that is not here reads as missing from now on"
            : "ends its migrating flag; sent only while " + Empty.Name + " counts 0 keys"),
    ];
}

/// <summary>The importer forgets the slot. What it still held of it would vanish, so only at zero keys, read in the same breath.</summary>
internal sealed record StopImporting(int Slot, ClusterNode Node) : SlotAction(Slot)
{
    public override IReadOnlyList<PlannedCommand> Commands =>
        [Command(Node, SetSlot("STABLE"), "ends its importing flag; sent only when it counts 0 keys")];
}

/// <summary>A master takes a slot that nobody owns.</summary>
internal sealed record TakeUnowned(int Slot, ClusterNode Node) : SlotAction(Slot)
{
    public override IReadOnlyList<PlannedCommand> Commands =>
        [Command(Node, "CLUSTER ADDSLOTS " + Slot.ToString(CultureInfo.InvariantCulture), "nobody owns it; keys that are here already stay")];
}

/// <summary>A master takes a slot from an owner that does not answer. When that one comes back it gives way, and deletes what it has of the slot.</summary>
internal sealed record TakeFromAbsent(int Slot, ClusterNode Node, ClusterNode Absent) : SlotAction(Slot)
{
    public override IReadOnlyList<PlannedCommand> Commands =>
    [
        Command(Node, SetSlot("IMPORTING " + Absent.Id), "only while it imports does it raise its epoch"),
        Command(Node, SetSlot("NODE " + Node.Id), "from now on " + Absent.Name + " deletes its keys of the slot when it comes back"),
    ];
}

/// <summary>Gives the slot to the target, which then bumps its epoch. Only at zero keys on the source, read immediately before.</summary>
internal sealed record TakeOver(int Slot, ClusterNode Source, ClusterNode Target) : SlotAction(Slot)
{
    public override IReadOnlyList<PlannedCommand> Commands =>
        [Command(Target, SetSlot("NODE " + Target.Id), "the target first: only while it imports does it raise its epoch; sent only when the source counts 0 keys")];
}

/// <summary>Tells the source, then the others, what gossip would tell them later.</summary>
internal sealed record TellOwner(int Slot, ClusterNode Node, ClusterNode Owner, bool IsSource) : SlotAction(Slot)
{
    public override IReadOnlyList<PlannedCommand> Commands =>
    [
        Command(Node, SetSlot("NODE " + Owner.Id), IsSource
            ? "ends its migrating flag and sends its clients to the new owner"
            : "so that it redirects rightly at once, not when gossip arrives"),
    ];
}

/// <summary>Sees to it that a node which gave the slot away knows so, and has no flag of it left, before the slot comes back to it.</summary>
internal sealed record LetGo(int Slot, ClusterNode Node, ClusterNode Owner) : SlotAction(Slot)
{
    public override IReadOnlyList<PlannedCommand> Commands =>
        [Command(Node, SetSlot("STABLE"), "only if a flag of the first half is left; it does not own the slot then")];
}

/// <summary>A master that gives its last slot away turns into a replica of the new owner. One that had none to begin with is kept from it.</summary>
internal sealed record SuppressReplicaMigration(int Slot, ClusterNode Node) : SlotAction(Slot)
{
    public const string Setting = "cluster-allow-replica-migration";

    public override IReadOnlyList<PlannedCommand> Commands =>
        [Command(Node, "CONFIG SET " + Setting + " no", "where it is yes: it is about to give its last slot away, and would turn into a replica")];
}

/// <summary>Ends what <see cref="SuppressReplicaMigration"/> began.</summary>
/// <param name="WasInterrupted">True where a run that was cut off had begun it.</param>
internal sealed record RestoreReplicaMigration(int Slot, ClusterNode Node, bool WasInterrupted = false) : SlotAction(Slot)
{
    public override IReadOnlyList<PlannedCommand> Commands =>
        [Command(Node, "CONFIG SET " + SuppressReplicaMigration.Setting + " yes", "as it was before")];
}
