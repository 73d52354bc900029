// Lets this netstandard2.0 assembly use init-only properties and records; the compiler asks for the type, nothing runs it.
namespace System.Runtime.CompilerServices;

internal static class IsExternalInit
{
}
