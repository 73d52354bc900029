using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps.Planning.Preflight;

/// <summary>A command that a plan sends.</summary>
/// <param name="Node">Where it goes.</param>
/// <param name="User">As whom; null for ourselves.</param>
/// <param name="Arguments">The command.</param>
internal sealed record NeededRight(ClusterNode Node, string? User, object[] Arguments)
{
    /// <summary>What rights are given for: the command, with its subcommand where it has one.</summary>
    public string Name => (string)Arguments[0] == "CLUSTER" ? Arguments[0] + " " + Arguments[1] : (string)Arguments[0];
}

/// <summary>The commands that a plan needs to come to its end; what it can do without is not among them.</summary>
internal static class NeededRights
{
    public static IEnumerable<NeededRight> Of(ClusterView view, SlotAction action, byte[]? anyKey) => action switch
    {
        MoveKeys move => OfMove(move, anyKey ?? []),
        // Where that is not allowed slots move all the same, and a warning says so (ReplicaMigrationSetting).
        SuppressReplicaMigration or RestoreReplicaMigration => [],
        // Seldom sent, but then everything depends on it (SlotHandover).
        TakeOver handOver => [.. OfCommands(view, handOver), new NeededRight(handOver.Target, null, ["CLUSTER", "BUMPEPOCH"])],
        // What comes to light decides who takes it, but somebody does.
        SetImporting { OnlyReveals: true } reveal when view.OwnerOf(reveal.Slot) is null => [.. OfCommands(view, reveal), new NeededRight(reveal.Target, null, ["CLUSTER", "ADDSLOTS", reveal.Slot])],
        _ => OfCommands(view, action),
    };

    private static IEnumerable<NeededRight> OfCommands(ClusterView view, SlotAction action) =>
        action.Commands.SelectMany(command => view.Nodes.Where(node => node.Name == command.Node).Take(1)
            .Select(node => new NeededRight(node, null, command.Command.Split(' '))));

    /// <summary>What the servers are told where they move slots themselves, and how it is called off.</summary>
    public static IEnumerable<NeededRight> OfAtomic(ClusterNode source, ClusterNode target) => source.View?.Facts.Engine switch
    {
        ServerEngine.Redis => [new NeededRight(target, null, ["CLUSTER", "MIGRATION", "IMPORT", 0, 0]), new NeededRight(source, null, ["CLUSTER", "MIGRATION", "STATUS", "ALL"])],
        ServerEngine.Valkey =>
        [
            new NeededRight(source, null, ["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", 0, 0, "NODE", target.Id]),
            // How a stop looks and cancels in one step.
            new NeededRight(source, null, ["EVAL_RO", "return 0", 0]),
            new NeededRight(source, null, ["CLUSTER", "CANCELSLOTMIGRATIONS"]),
            new NeededRight(source, null, ["CLUSTER", "GETSLOTMIGRATIONS"]),
            new NeededRight(target, null, ["CLUSTER", "GETSLOTMIGRATIONS"]),
        ],
        _ => [],
    };

    private static IEnumerable<NeededRight> OfMove(MoveKeys move, byte[] key)
    {
        yield return new NeededRight(move.Source, null, ["CLUSTER", "COUNTKEYSINSLOT", move.Slot]);
        yield return new NeededRight(move.Source, null, ["CLUSTER", "GETKEYSINSLOT", move.Slot, 1]);
        yield return new NeededRight(move.Source, null, ["MIGRATE", move.Request.Target.Host, move.Request.Target.Port, string.Empty, 0, 1000, "KEYS", key]);
        // What MIGRATE sends, as the user that it logs in with.
        yield return new NeededRight(move.Target, move.Request.User ?? "default", ["SELECT", 0]);
        yield return new NeededRight(move.Target, move.Request.User ?? "default", ["RESTORE-ASKING", key, 0, "payload"]);
        if (move.Keys == 0)
            yield break;
        // A key may turn out to be on both sides, and then it has to be looked at. Behind ASKING on whichever end imports.
        yield return new NeededRight(move.IsReverse ? move.Source : move.Target, null, ["ASKING"]);
        yield return new NeededRight(move.Target, null, ["EXISTS", key]);
        foreach (var side in new[] { move.Source, move.Target })
        {
            yield return new NeededRight(side, null, ["DUMP", key]);
            yield return new NeededRight(side, null, ["PTTL", key]);
            yield return new NeededRight(side, null, ["TYPE", key]);
        }

        foreach (var need in OfDropping(move, key))
            yield return need;
    }

    // Which copy loses a conflict is deleted as it was saved: in a transaction, unless MIGRATE overwrites it.
    private static IEnumerable<NeededRight> OfDropping(MoveKeys move, byte[] key)
    {
        var side = move switch
        {
            { IsReverse: true, OnConflict: KeyConflictAction.KeepSource } => move.Target,
            { IsReverse: true } or { OnConflict: KeyConflictAction.KeepTarget } => move.Source,
            _ => null,
        };
        if (side is null)
            return [];
        return new object[][] { ["WATCH", key], ["UNWATCH"], ["MULTI"], ["DEL", key], ["EXEC"] }.Select(command => new NeededRight(side, null, command));
    }
}
