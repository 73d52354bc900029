using System;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// Waits for replicas that do not acknowledge a SETSLOT, on Valkey 8 and later, and for a node that delays it. The wait is limited, and its
/// warning names them.
/// </summary>
internal sealed class ReplicaAcknowledgement(MoveContext context, StopRequest stop)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan WarnAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    // A replica that answers confirms every second.
    private const int SilentSeconds = 2;

    private bool _warned;

    /// <summary>Waits before the next attempt.</summary>
    /// <param name="node">The node whose replicas did not acknowledge.</param>
    /// <param name="since">Since when.</param>
    /// <exception cref="RedisOperationException">NodeUnreachable: the time limit is over.</exception>
    public async Task WaitAsync(ClusterNode node, TimeSpan since)
    {
        var waited = stop.Clock.Now - since;
        if (waited > Patience)
            throw await UnacknowledgedAsync(node).ConfigureAwait(false);
        if (!_warned && waited > WarnAfter)
        {
            _warned = true;
            context.Log?.Warning(null, "Waiting up to " + Text(Patience) + " s: " + await ReasonAsync(node).ConfigureAwait(false) + ".");
        }

        await stop.Clock.PauseAsync(Pause, stop.Abort).ConfigureAwait(false);
    }

    private async Task<RedisOperationException> UnacknowledgedAsync(ClusterNode node) => new(
        FailureCode.NodeUnreachable,
        "For " + Text(Patience) + " s " + await ReasonAsync(node).ConfigureAwait(false)
            + ". No more slots were handed over. No key is lost; open slots are served by both nodes.",
        node.Name,
        new NextAction(NextActionCode.ShowNodes));

    // The node itself reports which of its replicas are silent. To ask a replica that hangs would take longer.
    private async Task<string> ReasonAsync(ClusterNode node)
    {
        if (!AssignToTarget.WaitsForReplicas(node))
            return node.Name + " delayed CLUSTER SETSLOT, as during a failover";
        var connection = await context.Reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
        var reply = await connection.AskAsync(RespCommand.Of("INFO", "replication"), stop.Abort).ConfigureAwait(false);
        var silent = reply.IsError ? [] : ServerFacts.Parse(reply.Text).SilentReplicas(SilentSeconds).ToList();
        return "the replicas of " + node.Name + " did not acknowledge CLUSTER SETSLOT"
            + (silent.Count == 0 ? string.Empty : "; " + string.Join(", ", silent) + " does not answer");
    }

    private static string Text(TimeSpan time) => time.TotalSeconds.ToString("0", CultureInfo.InvariantCulture);
}
