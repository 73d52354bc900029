using System.Management.Automation;
using System.Runtime.CompilerServices;

namespace RedisClusterOps;

/// <summary>
/// The property <c>Cluster</c> of every result, as RedisClusterOps.Types.ps1xml adds it: the name of the cluster, which stands for its
/// session as long as the object lives.
/// </summary>
/// <remarks>
/// The value is a text, because JSON, CSV and HTML write a text as it is, and any other object with all its properties. The session, with
/// its password, is found by the instance of the text, and so never leaves the process.
/// </remarks>
public static class ClusterName
{
    private static readonly ConditionalWeakTable<string, RedisClusterSession> Sessions = new();

    /// <summary>The name of the cluster of a result; null if it belongs to none.</summary>
    /// <param name="instance">The result.</param>
    public static object? Of(PSObject? instance)
    {
        if (instance?.BaseObject is not IClusterResult { Cluster: { } session })
            return null;
        // A new instance: another session may have the same name.
        var name = new string(session.ToString().ToCharArray());
        Sessions.Add(name, session);
        var shown = new PSObject(name);
        shown.TypeNames.Insert(0, typeof(ClusterName).FullName);
        return shown;
    }

    /// <summary>The ACL user of the session that a name stands for.</summary>
    /// <param name="instance">The name.</param>
    public static object? User(PSObject? instance) => Find(instance)?.User;

    /// <summary>The addresses of the session that a name stands for.</summary>
    /// <param name="instance">The name.</param>
    public static object? Seeds(PSObject? instance) => Find(instance)?.Seeds;

    /// <summary>The session that a name stands for; null for any other value.</summary>
    internal static RedisClusterSession? Find(object? value) =>
        (value is PSObject wrapped ? wrapped.BaseObject : value) is string name && Sessions.TryGetValue(name, out var session)
            ? session
            : null;
}
