using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Planning.Preflight;

/// <summary>Asks the nodes whether the user may run every command of a plan, so that the plan does not fail between two steps.</summary>
internal sealed class CommandRights(NodeProbe probe)
{
    private readonly ConcurrentDictionary<string, string?> _users = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string NodeId, string User, string Command), string?> _answers = [];
    private readonly ConcurrentDictionary<string, bool> _unknown = new(StringComparer.Ordinal);

    /// <param name="view">The cluster.</param>
    /// <param name="actions">The actions of the plan.</param>
    /// <param name="anyKey">A key that will move, because rights may depend on key names; null if none is known.</param>
    /// <param name="atomic">Both ends if the servers move the slots themselves; otherwise null.</param>
    /// <param name="cancellation">Cancels the questions.</param>
    public async Task<IReadOnlyList<DeniedCommand>> FindDeniedAsync(
        ClusterView view,
        IReadOnlyList<SlotAction> actions,
        byte[]? anyKey,
        ReplicatingEnds? atomic,
        CancellationToken cancellation)
    {
        var required = actions.SelectMany(action => RequiredRights.Of(view, action, anyKey));
        if (atomic is { } ends)
            required = required.Concat(RequiredRights.OfAtomic(ends));
        return await FindDeniedAsync(required, anyKey is not null, cancellation).ConfigureAwait(false);
    }

    /// <param name="required">The commands.</param>
    /// <param name="keyKnown">False if the commands contain keys of which the names are unknown.</param>
    /// <param name="cancellation">Cancels the questions.</param>
    public async Task<IReadOnlyList<DeniedCommand>> FindDeniedAsync(
        IEnumerable<RequiredRight> required, bool keyKnown, CancellationToken cancellation)
    {
        var denied = await FanOut.AllAsync(
            required.GroupBy(right => right.Node.Id),
            group => AskAsync(group.First().Node, group.ToList(), keyKnown, cancellation),
            cancellation).ConfigureAwait(false);
        return denied.SelectMany(each => each).ToList();
    }

    /// <summary>The nodes among these that do not answer questions about rights. A missing right shows only during the run there.</summary>
    public IEnumerable<ClusterNode> WithUnknownRights(IEnumerable<ClusterNode> nodes) => nodes.Where(node => _unknown.ContainsKey(node.Id));

    private async Task<IEnumerable<DeniedCommand>> AskAsync(
        ClusterNode node, IReadOnlyList<RequiredRight> required, bool keyKnown, CancellationToken cancellation)
    {
        if (node.View?.Facts.Engine is null or ServerEngine.Garnet)
            return [];
        // ACL DRYRUN requires Redis 7.0. An older server can only report that it does not know a command.
        var ourUser = HasDryRun(node) ? await UserAsync(node, cancellation).ConfigureAwait(false) ?? string.Empty : string.Empty;
        var asked = required.Select(right => (Key: (node.Id, right.User ?? ourUser, right.Name), right.Arguments))
            .GroupBy(right => right.Key).Select(group => group.First()).ToList();
        var unanswered = asked.Where(right => !_answers.ContainsKey(right.Key)).ToList();
        if (unanswered.Count > 0)
        {
            var questions = unanswered.Select(right => RespCommand.Of(["ACL", "DRYRUN", right.Key.Item2, .. right.Arguments])).ToList();
            var replies = ourUser.Length == 0 ? null : await probe.AskAsync(node, questions, cancellation).ConfigureAwait(false);
            var isUnknown = replies is null || replies.All(reply => reply.IsError && !IsUnknownCommand(reply) && !IsUnknownUser(reply));
            if (isUnknown)
                _unknown[node.Id] = true;
            for (var i = 0; i < unanswered.Count; i++)
                _answers[unanswered[i].Key] = replies is null ? null : ReasonIn(replies[i], keyKnown);
            if (isUnknown)
                await FindUnknownCommandsAsync(node, unanswered.Select(right => right.Key).ToList(), cancellation).ConfigureAwait(false);
        }

        return asked.Where(right => _answers[right.Key] is not null)
            .Select(right => new DeniedCommand(node, right.Key.Item2, right.Key.Name, _answers[right.Key]!));
    }

    // A managed service may block ACL, too. It removes commands by renaming them, so the server does not know them.
    private async Task FindUnknownCommandsAsync(
        ClusterNode node, List<(string NodeId, string User, string Command)> required, CancellationToken cancellation)
    {
        var names = required.Select(right => right.Command.Split(' ')[0]).Distinct(StringComparer.Ordinal).ToList();
        var replies = await probe.AskAsync(node, [RespCommand.Of(["COMMAND", "INFO", .. names])], cancellation).ConfigureAwait(false);
        if (replies is null || replies[0].Items.Count != names.Count)
            return;
        foreach (var right in required)
        {
            var info = replies[0].Items[names.IndexOf(right.Command.Split(' ')[0])];
            if (info is { IsNull: true } or { Kind: RespKind.Array, Items.Count: 0 })
                _answers[right] = DeniedCommand.UnknownCommand;
        }
    }

    // ACL DRYRUN answers a denied command with a bulk string. An error means that it could not be tried, or that there is no such command.
    private static string? ReasonIn(RespValue reply, bool keyKnown)
    {
        if (IsUnknownCommand(reply))
            return DeniedCommand.UnknownCommand;
        if (IsUnknownUser(reply))
            return "the node has no such user";
        var isDenied = reply.Kind == RespKind.BulkString && (keyKnown || ServerErrors.Contains(reply.Text, "to run the"));
        return isDenied ? Printable.Clean(reply.Text, 200) : null;
    }

    // Command 'migrate' not found
    private static bool IsUnknownCommand(RespValue reply) =>
        reply.IsError && ServerErrors.Contains(reply.Text, "' not found") && ServerErrors.Contains(reply.Text, "command '");

    // User 'replicator' not found
    private static bool IsUnknownUser(RespValue reply) =>
        reply.IsError && ServerErrors.Contains(reply.Text, "user '") && ServerErrors.Contains(reply.Text, "' not found");

    private static bool HasDryRun(ClusterNode node) => node.View!.Facts.Engine != ServerEngine.Redis || node.View.Facts.IsAtLeast(7, 0);

    private async Task<string?> UserAsync(ClusterNode node, CancellationToken cancellation)
    {
        if (!_users.TryGetValue(node.Id, out var user))
        {
            var replies = await probe.AskAsync(node, [RespCommand.Of("ACL", "WHOAMI")], cancellation).ConfigureAwait(false);
            _users[node.Id] = user = replies is null || replies[0].IsError ? null : replies[0].Text;
        }

        return user;
    }
}

/// <summary>A command that a plan sends.</summary>
/// <param name="Node">The node that receives it.</param>
/// <param name="User">The user that sends it; null for our own user.</param>
/// <param name="Arguments">The command.</param>
internal sealed record RequiredRight(ClusterNode Node, string? User, object[] Arguments)
{
    /// <summary>The name that an ACL grants: the command, with its subcommand if it has one.</summary>
    public string Name => (string)Arguments[0] == "CLUSTER" ? Arguments[0] + " " + Arguments[1] : (string)Arguments[0];
}

/// <summary>Two masters that move slots themselves, with the user that the source logs in to other nodes with; null if unknown.</summary>
internal sealed record ReplicatingEnds(ClusterNode Source, ClusterNode Target, string? UserOfSource);

/// <summary>The commands without which a plan can't be completed. Optional commands are not included.</summary>
internal static class RequiredRights
{
    public static IEnumerable<RequiredRight> Of(ClusterView view, SlotAction action, byte[]? anyKey) => action switch
    {
        MoveKeys move => OfMove(move, anyKey ?? []),
        // Optional: without this right the slots move all the same, and a warning reports it.
        SuppressReplicaMigration or RestoreReplicaMigration => [],
        // BUMPEPOCH is rarely sent, but when it is needed nothing replaces it.
        AssignToTarget assign => [.. OfCommands(view, assign), new RequiredRight(assign.Target, null, ["CLUSTER", "BUMPEPOCH"])],
        // The hidden keys decide which master gets the slot. One of them does, and ADDSLOTS assigns it.
        SetImporting { OnlyReveals: true } reveal when view.OwnerOf(reveal.Slot) is null =>
        [
            .. OfCommands(view, reveal),
            new RequiredRight(reveal.Target, null, ["CLUSTER", "ADDSLOTS", reveal.Slot]),
            new RequiredRight(reveal.Target, null, ["CLUSTER", "BUMPEPOCH"]),
        ],
        _ => OfCommands(view, action),
    };

    private static IEnumerable<RequiredRight> OfCommands(ClusterView view, SlotAction action) =>
        action.Commands.SelectMany(command => view.Nodes.Where(node => node.Name == command.Node).Take(1)
            .Select(node => new RequiredRight(node, null, command.Command.Split(' '))));

    /// <summary>
    /// The commands that start, watch and cancel a migration by the servers themselves, and those that the servers send to each other.
    /// </summary>
    public static IEnumerable<RequiredRight> OfAtomic(ReplicatingEnds ends) =>
        [.. OfAtomic(ends.Source, ends.Target), .. OfServers(ends)];

    // Valkey's source logs in to its target with its own masteruser. Redis' nodes use a secret of the cluster, which needs no rights.
    private static IEnumerable<RequiredRight> OfServers(ReplicatingEnds ends)
    {
        if (ends.Source.View?.Facts.Engine == ServerEngine.Valkey && ends.UserOfSource is { } user)
            yield return new RequiredRight(ends.Target, user.Length == 0 ? "default" : user, ["CLUSTER", "SYNCSLOTS", "SYNC", "0", "0"]);
    }

    private static IEnumerable<RequiredRight> OfAtomic(ClusterNode source, ClusterNode target) => source.View?.Facts.Engine switch
    {
        ServerEngine.Redis =>
        [
            new RequiredRight(target, null, ["CLUSTER", "MIGRATION", "IMPORT", 0, 0]),
            new RequiredRight(source, null, ["CLUSTER", "MIGRATION", "STATUS", "ALL"]),
        ],
        ServerEngine.Valkey =>
        [
            new RequiredRight(source, null, ["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", 0, 0, "NODE", target.Id]),
            // A stop checks and cancels in one script.
            new RequiredRight(source, null, ["EVAL_RO", "return 0", 0]),
            new RequiredRight(source, null, ["CLUSTER", "CANCELSLOTMIGRATIONS"]),
            new RequiredRight(source, null, ["CLUSTER", "GETSLOTMIGRATIONS"]),
            new RequiredRight(target, null, ["CLUSTER", "GETSLOTMIGRATIONS"]),
        ],
        _ => [],
    };

    private static IEnumerable<RequiredRight> OfMove(MoveKeys move, byte[] key)
    {
        var address = move.Migrate.Target;
        yield return new RequiredRight(move.Source, null, ["CLUSTER", "COUNTKEYSINSLOT", move.Slot]);
        yield return new RequiredRight(move.Source, null, ["CLUSTER", "GETKEYSINSLOT", move.Slot, 1]);
        yield return new RequiredRight(move.Source, null, ["MIGRATE", address.Host, address.Port, string.Empty, 0, 1000, "KEYS", key]);
        // The commands that MIGRATE sends, as the user that it logs in with.
        yield return new RequiredRight(move.Target, move.Migrate.User ?? "default", ["SELECT", 0]);
        yield return new RequiredRight(move.Target, move.Migrate.User ?? "default", ["RESTORE-ASKING", key, 0, "payload"]);
        if (move.Keys == 0)
            yield break;
        // A key may exist on both ends. Then both copies are compared, behind ASKING on the importing end.
        yield return new RequiredRight(move.IsReverse ? move.Source : move.Target, null, ["ASKING"]);
        yield return new RequiredRight(move.Target, null, ["EXISTS", key]);
        foreach (var end in new[] { move.Source, move.Target })
        {
            yield return new RequiredRight(end, null, ["DUMP", key]);
            yield return new RequiredRight(end, null, ["PTTL", key]);
            yield return new RequiredRight(end, null, ["TYPE", key]);
        }

        foreach (var right in OfDeletion(move, key))
            yield return right;
    }

    // The losing copy of a conflict is deleted in a transaction after it was saved, if MIGRATE does not overwrite it.
    private static IEnumerable<RequiredRight> OfDeletion(MoveKeys move, byte[] key)
    {
        var end = move switch
        {
            { IsReverse: true, OnConflict: KeyConflictAction.KeepOther } => move.Target,
            { IsReverse: true } or { OnConflict: KeyConflictAction.KeepOther } => move.Source,
            _ => null,
        };
        if (end is null)
            return [];
        return new object[][] { ["WATCH", key], ["UNWATCH"], ["MULTI"], ["DEL", key], ["EXEC"] }
            .Select(command => new RequiredRight(end, null, command));
    }
}
