using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>Forgets the current session of this runspace. Nothing is closed, for a session holds nothing open.</summary>
[Cmdlet(VerbsCommunications.Disconnect, "RedisCluster")]
[OutputType(typeof(void))]
public sealed class DisconnectRedisClusterCommand : RedisCmdlet
{
    internal override void Run()
    {
        if (!CurrentSession.Clear())
            WriteVerbose("No cluster was connected.");
    }
}
