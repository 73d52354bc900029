using System;
using System.IO;
using System.Linq;
using System.Reflection;

namespace RedisClusterOps;

/// <summary>
/// Loads the client library and the assemblies that it needs from the folder <c>client</c> of this module, into a load context of its own.
/// Other modules may have loaded other versions of the same assemblies, or load them later.
/// </summary>
/// <remarks>
/// By reflection, because .NET Standard has no load contexts. All assemblies of the folder are loaded at once: a context prefers what it
/// has loaded to what the process has. Only the core comes from the module, so that both share its types.
/// </remarks>
internal static class ClientLoader
{
    // The context belongs to .NET, which Windows PowerShell does not run on.
    private static readonly Type? ContextType = Type.GetType("System.Runtime.Loader.AssemblyLoadContext, System.Runtime.Loader");
    private static readonly Version Net8 = new(8, 0);
    private static readonly object Once = new();
    private static Type? _client;

    /// <summary>Creates a client.</summary>
    /// <exception cref="RedisOperationException">NotSupported: this PowerShell is older than 7.4, or the folder is missing.</exception>
    public static RedisApplicationClient Create()
    {
        lock (Once)
            _client ??= Load(Path.Combine(Path.GetDirectoryName(typeof(ClientLoader).Assembly.Location)!, "client"));
        return (RedisApplicationClient)Activator.CreateInstance(_client)!;
    }

    /// <summary>Checks that this PowerShell can load the library, before anything is done.</summary>
    /// <exception cref="RedisOperationException">NotSupported: this PowerShell is older than 7.4.</exception>
    public static void RequireSupport() => RequireSupport(ContextType, Environment.Version);

    internal static void RequireSupport(Type? contextType, Version runtime)
    {
        if (contextType is null || runtime < Net8)
        {
            throw NotSupported(
                "The client library needs PowerShell 7.4 or later. Nothing was measured.",
                "run it in pwsh 7.4 or later; what the servers count is available in every version: Measure-RedisClusterTraffic");
        }
    }

    private static Type Load(string folder)
    {
        const string Name = "RedisClusterOps.Client";
        if (!File.Exists(Path.Combine(folder, Name + ".dll")))
        {
            throw NotSupported(
                "The client library is missing: the folder '" + folder + "' of this module is incomplete.", "install the module again");
        }

        var context = Activator.CreateInstance(ContextType!, Name, false)!;
        var resolving = ContextType!.GetEvent("Resolving")!;
        Func<object, AssemblyName, Assembly?> resolve = (_, name) =>
            name.Name == typeof(RedisCluster).Assembly.GetName().Name ? typeof(RedisCluster).Assembly : null;
        resolving.AddEventHandler(context, Delegate.CreateDelegate(resolving.EventHandlerType!, resolve.Target, resolve.Method));
        var load = ContextType.GetMethod("LoadFromAssemblyPath")!;
        var assemblies = Directory.GetFiles(folder, "*.dll").Select(file => (Assembly)load.Invoke(context, [file])!).ToList();
        return assemblies.Single(assembly => assembly.GetName().Name == Name).GetType(Name + ".StackExchangeClient", throwOnError: true)!;
    }

    private static RedisOperationException NotSupported(string message, string cure) =>
        new(FailureCode.NotSupported, message, null, new NextAction(NextActionCode.Advice) { Note = cure });
}
