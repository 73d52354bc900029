using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using System.Threading;
using System;
using RedisClusterOps.Planning;
using RedisClusterOps.Protocol;
using RedisClusterOps.Topology;

namespace RedisClusterOps.Preflight;

/// <summary>Asks the nodes whether our user may run what a plan consists of, so that it does not stop between two steps.</summary>
internal sealed class CommandRights(NodeProbe probe)
{
    private readonly Dictionary<string, string?> _users = new(StringComparer.Ordinal);
    private readonly Dictionary<(string NodeId, string User, string Command), string?> _answers = [];

    /// <param name="anyKey">A key that is to move: rights may depend on names. Null where none is known.</param>
    public async Task<IReadOnlyList<DeniedCommand>> FindDeniedAsync(
        ClusterView view, IReadOnlyList<SlotAction> actions, byte[]? anyKey, CancellationToken cancellation)
    {
        var denied = new List<DeniedCommand>();
        foreach (var group in actions.SelectMany(action => Needs(view, action, anyKey)).GroupBy(need => need.Node.Id))
            denied.AddRange(await AskAsync(group.First().Node, group.ToList(), anyKey is not null, cancellation).ConfigureAwait(false));
        return denied;
    }

    private async Task<IEnumerable<DeniedCommand>> AskAsync(ClusterNode node, IReadOnlyList<Need> needs, bool keyKnown, CancellationToken cancellation)
    {
        if (!CanTell(node) || await UserAsync(node, cancellation).ConfigureAwait(false) is not { } ours)
            return [];
        var asked = needs.Select(need => (Key: (node.Id, need.User ?? ours, need.Name), need.Arguments)).GroupBy(need => need.Key).Select(group => group.First()).ToList();
        var unanswered = asked.Where(need => !_answers.ContainsKey(need.Key)).ToList();
        if (unanswered.Count > 0)
        {
            var commands = unanswered.Select(need => RespCommand.Of(["ACL", "DRYRUN", need.Key.Item2, .. need.Arguments])).ToList();
            var replies = await probe.AskAsync(node, commands, cancellation).ConfigureAwait(false);
            for (var i = 0; i < unanswered.Count; i++)
                _answers[unanswered[i].Key] = replies is null ? null : ReasonIn(replies[i], keyKnown);
        }

        return asked.Where(need => _answers[need.Key] is not null)
            .Select(need => new DeniedCommand(node, need.Key.Item2, need.Key.Name, _answers[need.Key]!));
    }

    // ACL DRYRUN came with Redis 7.0. Its refusal is a reply, no error; an error says that it could not be tried.
    private static string? ReasonIn(RespValue reply, bool keyKnown) =>
        reply.Kind == RespKind.BulkString && (keyKnown || ServerErrors.Contains(reply.Text, "to run the")) ? Printable.Clean(reply.Text, 200) : null;

    private static bool CanTell(ClusterNode node) => node.View?.Facts is { } facts && facts.Engine switch
    {
        ServerEngine.Garnet => false,
        ServerEngine.Redis => facts.IsAtLeast(7, 0),
        _ => true,
    };

    private async Task<string?> UserAsync(ClusterNode node, CancellationToken cancellation)
    {
        if (!_users.TryGetValue(node.Id, out var user))
        {
            var replies = await probe.AskAsync(node, [RespCommand.Of("ACL", "WHOAMI")], cancellation).ConfigureAwait(false);
            _users[node.Id] = user = replies is null || replies[0].IsError ? null : replies[0].Text;
        }

        return user;
    }

    private static IEnumerable<Need> Needs(ClusterView view, SlotAction action, byte[]? anyKey)
    {
        if (action is not MoveKeys move)
        {
            return action.Commands.SelectMany(command => view.Nodes.Where(node => node.Name == command.Node).Take(1)
                .Select(node => new Need(node, null, command.Command.Split(' '))));
        }

        var key = anyKey ?? [];
        return
        [
            new Need(move.Source, null, ["CLUSTER", "COUNTKEYSINSLOT", move.Slot]),
            new Need(move.Source, null, ["CLUSTER", "GETKEYSINSLOT", move.Slot, 1]),
            new Need(move.Source, null, ["MIGRATE", move.Request.Target.Host, move.Request.Target.Port, string.Empty, 0, 1000, "KEYS", key]),
            // What MIGRATE sends, as the user that it logs in with.
            new Need(move.Target, move.Request.User ?? "default", ["SELECT", 0]),
            new Need(move.Target, move.Request.User ?? "default", ["RESTORE-ASKING", key, 0, "payload"]),
        ];
    }

    /// <param name="Node">Where it goes.</param>
    /// <param name="User">As whom; null for ourselves.</param>
    /// <param name="Arguments">The command.</param>
    private sealed record Need(ClusterNode Node, string? User, object[] Arguments)
    {
        /// <summary>What rights are given for: the command, with its subcommand where it has one.</summary>
        public string Name => (string)Arguments[0] == "CLUSTER" ? Arguments[0] + " " + Arguments[1] : (string)Arguments[0];
    }
}
