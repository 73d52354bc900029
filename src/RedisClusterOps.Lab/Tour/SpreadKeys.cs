using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Lab.Tour;

/// <summary>Keys in slots of every master, so that a rebalance has some to move.</summary>
internal sealed class SpreadKeys(NodeEndpoint entry)
{
    public const int Count = 500;

    public async Task WriteAsync(CancellationToken cancellation)
    {
        using var client = new RedirectFollower(new NodeConnector(new ConnectionOptions()), entry);
        foreach (var key in Enumerable.Range(0, Count).Select(Name))
        {
            var command = RespCommand.Of("SET", key, LabWedge.ValueOf(key));
            (await client.AskAsync(key, command, cancellation)).OrThrow(entry, command);
        }
    }

    /// <summary>Reads the keys as an application would.</summary>
    /// <returns>How many of them have the value that was written.</returns>
    public async Task<int> CountIntactAsync(CancellationToken cancellation)
    {
        using var client = new RedirectFollower(new NodeConnector(new ConnectionOptions()), entry);
        var intact = 0;
        foreach (var key in Enumerable.Range(0, Count).Select(Name))
        {
            var reply = await client.AskAsync(key, RespCommand.Of("GET", key), cancellation);
            intact += !reply.IsError && !reply.IsNull && reply.Text == LabWedge.ValueOf(key) ? 1 : 0;
        }

        return intact;
    }

    private static byte[] Name(int number) => Encoding.UTF8.GetBytes("order:" + number);
}
