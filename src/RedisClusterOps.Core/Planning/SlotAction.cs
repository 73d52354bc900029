using System.Collections.Generic;
using System.Globalization;
using RedisClusterOps.Topology;

namespace RedisClusterOps.Planning;

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
    public override IReadOnlyList<PlannedCommand> Commands =>
        [Command(Target, SetSlot("IMPORTING " + Source.Id), "before the source migrates, so that nobody is sent to a target that turns him away")];
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
        [Command(Node, SetSlot("NODE " + Owner.Id), "it still takes a node for the owner that failed over")];
}

/// <summary>Moves what is left on the source, batch by batch.</summary>
/// <param name="Keys">How many there are to move; null where the source did not tell.</param>
/// <param name="IsWhole">True where the slot is to be emptied.</param>
internal sealed record MoveKeys(int Slot, ClusterNode Source, ClusterNode Target, MigrateRequest Request, long? Keys, bool IsWhole = true) : SlotAction(Slot)
{
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
                commands.Add(Command(Source, Request.Describe(database, Keys), IsWhole ? "repeated until the source counts no key" : "these and no more; the slot stays open"));
            }

            return commands;
        }
    }
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
