using System;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>Waits while a target refuses the keys of every slot (CLUSTERDOWN).</summary>
/// <remarks>
/// A master has failed, and its replica is not elected yet, or the target imports slots from it and so ignores the election. A wait may
/// last as long as the timeout for keys, so it reads no more than it needs: the view of the target, ever less often.
/// </remarks>
internal sealed class RefusingTarget(MoveContext context, ClusterNode source, ClusterNode target, StopRequest stop)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    // Since when, and what the target replied first; null while it accepts keys.
    private (TimeSpan Since, string Reply)? _refused;
    private TimeSpan _pause;
    private string _why = string.Empty;

    public bool IsRefusing => _refused is not null;

    public void Accepted() => _refused = null;

    public void Refused(string reply)
    {
        if (IsRefusing)
            return;
        _refused = (stop.Clock.Now, reply);
        _pause = FirstPause;
    }

    /// <summary>Waits before the next attempt.</summary>
    /// <exception cref="OperationCanceledException">A stop was requested.</exception>
    /// <exception cref="RedisOperationException">ServerError: the target has accepted no key for too long.</exception>
    public async Task WaitAsync()
    {
        var (since, reply) = _refused!.Value;
        if (stop.Clock.Now - since > context.Options.Timeout)
        {
            throw new RedisOperationException(
                FailureCode.ServerError,
                "No key can move from " + source.Name + " to " + target.Name + ": " + Printable.Clean(reply, 200)
                    + (ServerErrors.Contains(reply, "CLUSTERDOWN") ? _why : string.Empty)
                    + ". Slots that had begun are left open; no key is lost.",
                target.Name,
                new NextAction(NextActionCode.CheckCluster));
        }

        await stop.PauseAsync(_pause).ConfigureAwait(false);
        _pause = TimeSpan.FromTicks(Math.Min(2 * _pause.Ticks, LongestPause.Ticks));
        if (await ImportsFromFailedAsync().ConfigureAwait(false))
            await new OwnerCorrection(context.Reader, context.Log).CorrectAsync(target.Id, stop).ConfigureAwait(false);
    }

    // Only such a target needs a correction, and with it a reading of the whole cluster. Any other one learns the successor by gossip.
    private async Task<bool> ImportsFromFailedAsync()
    {
        try
        {
            var view = await context.Reader.ReadNodeAsync(target, stop.Abort).ConfigureAwait(false);
            _why = view.WhyDown;
            return view.Self.ImportingFrom.Keys.Any(slot => view.OwnerOf(slot) is not { } owner
                || view.Line(owner) is not { IsMaster: true } line || (line.Flags & NodeFlags.Fail) != 0);
        }
        catch (RedisOperationException)
        {
            // The next MIGRATE reports a target that can't be reached.
            return false;
        }
    }
}
