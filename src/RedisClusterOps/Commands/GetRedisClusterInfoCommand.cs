using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>A cluster in one object: its state, slots, nodes, epochs, keys, memory and versions, the worst view of any node.</summary>
[Cmdlet(VerbsCommon.Get, "RedisClusterInfo")]
[OutputType(typeof(RedisClusterInfo))]
public sealed class GetRedisClusterInfoCommand : RedisClusterCmdlet
{
    internal override void Run() => WriteObject(Await(Open().GetInfoAsync(Stop), "Reading the cluster"));
}
